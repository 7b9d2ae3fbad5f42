//! The committed documents are what the tables print.

#[test]
fn the_generated_documents_are_up_to_date() {
    let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/../../generated");
    for (name, fresh) in [
        ("metadata.xml", chaveiro_graph::metadata_xml()),
        ("openapi.json", chaveiro_graph::openapi_json()),
        ("routes.txt", chaveiro_graph::routes_txt()),
        ("record.md", chaveiro_graph::record_md()),
        ("kinds.md", chaveiro_graph::kinds_md()),
    ] {
        let committed = std::fs::read_to_string(format!("{directory}/{name}")).expect("committed");
        assert!(committed == fresh, "generated/{name} is stale; run `cargo xtask codegen`");
    }
}

#[test]
fn the_metadata_is_well_formed_and_the_openapi_document_is_json() {
    let metadata = chaveiro_graph::metadata_xml();
    let mut reader = quick_xml::Reader::from_str(&metadata);
    while !matches!(reader.read_event().expect("well-formed"), quick_xml::events::Event::Eof) {}
    let document: serde_json::Value = serde_json::from_str(&chaveiro_graph::openapi_json()).expect("JSON");
    let paths = document["paths"].as_object().expect("paths");
    let acts = paths.keys().filter(|path| path.ends_with("/recoverPasscode")).count();
    assert_eq!(acts, 10);
}
