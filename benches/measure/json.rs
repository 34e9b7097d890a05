//! A row of a table for other programs.

use super::times::Row;

pub fn object(row: &Row) -> serde_json::Value {
    serde_json::json!({
        "op": row.point.op,
        "backend": row.point.backend,
        "dtype": row.point.dtype,
        "n": row.point.n,
        "p": row.point.p,
        "ns_per_element": row.times.operation,
        "ratio_to_floor": row.ratio_to_floor(),
        "ratio_to_memcpy": row.ratio_to_memcpy(),
    })
}
