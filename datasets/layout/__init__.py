"""Recognise the layout of a folder of images: layers, class folders, patients, masks."""
