// The patients' rows: decoded once, read by column and row. Layout: see payload.py.

// The page of star alleles alone has no other lanes.
const starsOnly = document.documentElement.dataset.kind === "stars";

async function readData() {
  const node = document.getElementById("data");
  if (node.dataset.encoding === "json") return JSON.parse(node.textContent);
  if (typeof DecompressionStream === "undefined") {
    throw new Error("This browser cannot unpack the patients' data; one from 2023 or later can.");
  }
  const packed = atob(node.textContent.trim());
  const bytes = new Uint8Array(packed.length);
  for (let i = 0; i < packed.length; i += 1) bytes[i] = packed.charCodeAt(i);
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).json();
}

class Cohort {
  constructor(data) {
    this.pool = data.pool;
    this.ids = data.patients.id;
    this.tables = data.tables;
    this.listed = data.listed || {};
    this.index = new Map(this.ids.map((id, i) => [id, i]));
    this.evidenceRows = null;
  }

  value(table, column, row) {
    const stored = this.tables[table].columns[column];
    if (!stored) return null;
    if (stored.text) return stored.text[row] < 0 ? "" : this.pool[stored.text[row]];
    if (stored.flag) return stored.flag[row] < 0 ? null : stored.flag[row] === 1;
    return stored.number[row];
  }

  record(table, row, columns = Object.keys(this.tables[table].columns)) {
    const record = {};
    for (const column of columns) record[column] = this.value(table, column, row);
    return record;
  }

  // Records of one patient, by number; all columns unless some are named.
  rows(table, patient, columns) {
    const offsets = this.tables[table].offsets;
    const records = [];
    for (let row = offsets[patient]; row < offsets[patient + 1]; row += 1) records.push(this.record(table, row, columns));
    return records;
  }

  // Evidence by its id, wherever it stands: a claim about the whole cohort belongs to no patient.
  evidence(id) {
    if (!this.evidenceRows) {
      this.evidenceRows = new Map();
      const stored = this.tables.evidence.columns.evidence_id;
      (stored ? stored.text : []).forEach((code, row) => this.evidenceRows.set(this.pool[code], row));
    }
    const row = this.evidenceRows.get(id);
    return row === undefined ? null : this.record("evidence", row);
  }
}
