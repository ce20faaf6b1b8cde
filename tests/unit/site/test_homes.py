from hotshoe.site.homes import homes


def test_a_home_is_a_site_with_an_inventory(tmp_path):
    for folder in ("group_vars", "inventories"):
        (tmp_path / folder).mkdir()
    for name in ("b", "a", "all", "a.vault", "draft"):
        (tmp_path / "group_vars" / f"{name}.yml").touch()
    for name in ("a", "b", "all", "gone"):
        (tmp_path / "inventories" / f"{name}.py").touch()
    assert homes(tmp_path) == ("a", "b")


def test_no_folder_has_no_home(tmp_path):
    assert homes(tmp_path) == ()
