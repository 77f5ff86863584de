"""Stand-in: that it is there is how lava-nc tells that lava-loihi is installed."""
