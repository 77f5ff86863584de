"""What compiled loops are made of: vectors, products, convolutions, and the threads that run them."""
