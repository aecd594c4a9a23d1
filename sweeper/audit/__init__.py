"""The command `audit`: what is wrong with a folder of images, before anything is trained."""
