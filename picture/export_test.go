package picture

// Render is render, for tests of what a small limit leaves out.
var Render = render
