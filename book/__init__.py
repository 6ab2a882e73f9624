"""The book: pages, the one look of their figures, and the small Sphinx extension that publishes them."""
