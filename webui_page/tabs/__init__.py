"""The page's tabs: each a layout and the small functions behind its buttons."""
