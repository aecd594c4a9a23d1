"""Images on disk -> manifest -> splits -> augmented image shards. Imports no other package."""
