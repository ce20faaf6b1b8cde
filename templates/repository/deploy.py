"""What happens to a home: all that hotshoe's own deploy.py does.

pyinfra inventories/home.py deploy.py
"""

from roles.repository import deploy

deploy()
