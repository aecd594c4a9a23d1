"""Print imagededup's hashes of the pictures of a folder as JSON; runs in an environment of its own.

python imagededup_hashes.py FOLDER METHOD ...
"""

import json
import sys

from imagededup import methods

folder, *names = sys.argv[1:]
found = {
    name: getattr(methods, name)(verbose=False).encode_images(folder, num_enc_workers=0)
    for name in names
}
print(json.dumps(found))
