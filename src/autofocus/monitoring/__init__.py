"""Windows of predictions become drift, harm, estimated accuracy."""
