mod m;
use m::{Shape, Store, parse};

fn main() {
    let mut store = Store::new();
    assert_eq!(store.add("a", Shape::Circle(2.0)), Ok(0));
    assert_eq!(store.add("b", parse("square, 5").unwrap()), Ok(1));
    assert_eq!(store.add("a", Shape::Circle(1.0)), Err("known".to_string()));
    assert_eq!(store.add("a b", Shape::Circle(1.0)), Err("bad name `a b`".to_string()));
    assert_eq!(store.largest(), Some("b"));
    assert_eq!(store.get("a").unwrap().area(), 12.0);
    assert!(store.get("c").is_none());
    let group = Shape::Group(vec![Shape::Circle(1.0), Shape::Rectangle { width: 1.0, height: 2.0 }]);
    assert_eq!((group.area(), group.to_string()), (5.0, "group of 2".to_string()));
    assert_eq!(Shape::Circle(1.5).to_string(), "circle of 1.5");
    assert_eq!(parse("square,5").unwrap().to_string(), "5 by 5");
    assert!(parse("cube,1").is_none() && parse("circle").is_none() && parse("circle,1,2,3").is_none());
    assert!(parse("circle,1,2").is_some());
}
