"""The SGD step of a bias."""
