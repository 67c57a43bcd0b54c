use super::*;

fn shown(name: &Name) -> String {
    name.to_string()
}

#[test]
fn parts_stand_as_they_are_given_and_the_common_name_last() {
    let name = Name::parse(Some("C=US, O=Example\\, Inc.,OU=Pumps"), "pump-17").unwrap();
    assert_eq!(shown(&name), "CN=pump-17,OU=Pumps,O=Example\\, Inc.,C=US");
    assert_eq!(shown(&Name::parse(None, "pump-17").unwrap()), "CN=pump-17");
    let domain = Name::parse(Some("DC=com,DC=example"), "CA").unwrap();
    assert_eq!(shown(&domain), "CN=CA,DC=example,DC=com");
}

#[test]
fn several_values_share_a_part_in_der_order() {
    let name = Name::new([(Attribute::Unit, vec!["b", "a", ""]), (Attribute::CommonName, vec!["x"])]);
    assert_eq!(shown(&name), "CN=x,OU=a+OU=b");
    assert!(Name::new([(Attribute::CommonName, vec![""])]).is_empty());
}

#[test]
fn text_is_printable_where_it_can_be_as_go_has_it() {
    let has = |value: &str, tag: u8| {
        let element = wrap(tag, value.as_bytes());
        let name = Name::parse(None, value).unwrap();
        name.der().windows(element.len()).any(|window| window == element)
    };
    assert!(has("pump-17", PRINTABLE_STRING) && has("pump*17", UTF8_STRING) && has("Zürich", UTF8_STRING));
    let mail = Name::parse(Some("emailAddress=a@example.com"), "x").unwrap();
    assert!(mail.der().windows(2).any(|window| window == [IA5_STRING, 13]));
}

#[test]
fn what_others_could_not_read_is_refused_by_name() {
    let error = |parts: &str, name: &str| Name::parse(Some(parts), name).unwrap_err().to_string();
    assert!(error("C=Germany", "x").starts_with("C: `Germany`"));
    assert!(error("O=x", &"n".repeat(65)).contains("CN: ") && error("O=x", &"n".repeat(65)).contains("65"));
    assert!(error("X=y", "x").contains("`X` is not an attribute"));
    assert!(error("Example", "x").contains("`Example` is not a part"));
    assert!(error("serialNumber=a_b", "x").contains("serialNumber"));
    assert!(error("O=a", "x\ny").contains("CN"));
    assert!(Name::parse(None, &"é".repeat(64)).is_ok(), "characters count, not octets");
}
