"""Pages: the HTML frame and the figures that reports and cards share."""
