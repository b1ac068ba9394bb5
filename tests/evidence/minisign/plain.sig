untrusted comment: signature from minisign secret key
RUR58loD59aO0MWStmgFDvxC5qd2SHzfXFTwXU3MPT4WaB3b/9ltP7y/R/8K5kJ/tgAv3wkPRGRucz7CdLu7e2rhzFAN0073YwU=
trusted comment: timestamp:1795862638	file:manifest.sha256	hashed
9E/3NhHXLvwSKOkFd7L/6jTBkeCScpoM6qv+Y2SAHBmjTVbFcAsruMji2S8A+v6iVu2djEAJXz4fMVC/+mDrCQ==
