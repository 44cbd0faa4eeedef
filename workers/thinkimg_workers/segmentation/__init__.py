"""Telling a region from the rest of an image: what is behind SAM and SegmentRegionAroundPoint."""
