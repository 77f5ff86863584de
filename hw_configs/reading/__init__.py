"""Reading of files that may be damaged or hostile: texts, arrays, and the bounds on their sizes."""
