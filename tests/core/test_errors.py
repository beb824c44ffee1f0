"""Messages name what there is, without filling the screen."""

from snnfw.errors import list_names, unknown_name_error


def test_a_large_family_of_names_is_counted_where_a_small_one_is_listed() -> None:
    large = [f"many.{letter}" for letter in "abcde"]
    assert list_names(["z", *large, "few.b", "few.a"]) == "few.a, few.b, many.* (5), z"
    assert list_names([]) == "none"
    assert str(unknown_name_error("neuron", "many.c1", ["z", *large])) == (
        "no neuron named 'many.c1'. Did you mean 'many.c'? Registered: many.* (5), z."
    )
