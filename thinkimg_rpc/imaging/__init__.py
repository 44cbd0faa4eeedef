"""Encoded files to pixels and back. Imported by workers only: it needs OpenCV and Pillow."""
