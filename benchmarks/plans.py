"""Plan every Site of a repository in one process, and print how many there are: ``plans.py``."""

from hotshoe.plan.derivation import make_plan
from hotshoe.site.homes import homes
from hotshoe.site.reading import SiteFiles, load_site

print(len([make_plan(load_site(SiteFiles(name))) for name in homes()]))
