"""Hardware targets as data, ranges of the fixed-point model, and errors for users; imports no other package of Myelin."""
