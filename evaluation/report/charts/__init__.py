"""Numbers become SVG, one kind of chart a file; colours and letters are the page's, by class name."""
