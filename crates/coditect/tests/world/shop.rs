//! A small program whose tests pass, and a person who may have chosen a model.

use coditect_testkit::provider::Provider;

use super::World;

pub(crate) const SHOP: &str = "def total(xs):\n    s = 0\n    for x in xs:\n        s += x\n    return s\n";
pub(crate) const TEST_SHOP: &str = "import unittest\nfrom shop import total\n\n\nclass T(unittest.TestCase):\n    def test_sum(self):\n        \
    self.assertEqual(total([1, 2]), 3)\n";

/// The program; `provider`: a server that the person chose.
pub(crate) fn there(provider: Option<&Provider>) -> World {
    let world = World::new();
    for name in ["calc.py", "test_calc.py"] {
        std::fs::remove_file(world.path("project").join(name)).unwrap();
    }
    std::fs::write(world.path("project/shop.py"), SHOP).unwrap();
    std::fs::write(world.path("project/test_shop.py"), TEST_SHOP).unwrap();
    std::fs::write(world.path("project/README.md"), "Call `total` for the total.\n").unwrap();
    world.git(&["add", "-A"]);
    world.git(&["commit", "-qm", "a shop"]);
    if let Some(provider) = provider {
        let url = provider.url("chat");
        let settings = format!("reply_cache = \"off\"\nmodels = [\"mine\"]\n[model.mine]\nurl = \"{url}\"\n");
        super::roman::person(&world, &settings);
    }
    world
}
