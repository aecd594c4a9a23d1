"""One file of any kind -> RGB pixels, or one line why not."""
