"""What is known of the people and machines behind the images: a table's columns and DICOM tags."""
