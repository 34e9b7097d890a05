//! A row of a table for other programs.

use crate::measure::Row;

pub fn object(row: &Row) -> serde_json::Value {
    serde_json::json!({
        "op": row.op,
        "backend": row.backend,
        "dtype": row.dtype,
        "n": row.n,
        "p": row.p,
        "ns_per_element": row.times.operation,
        "ratio_to_floor": row.ratio_to_floor(),
        "ratio_to_memcpy": row.ratio_to_memcpy(),
    })
}
