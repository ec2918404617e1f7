"""The world's rows: files and what trainers hand over become Samples."""
