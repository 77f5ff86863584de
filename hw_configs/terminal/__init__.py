"""What people read in a terminal: tables that fit its width, lists of names and numbers."""
