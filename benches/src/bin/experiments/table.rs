//! Results on disk: CSV files to which every finished case appends a row, and Markdown tables.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::Failure;

/// Rows of one kind in a CSV file. Rows that exist when it is opened count as done.
#[derive(Debug)]
pub(crate) struct Table<R> {
    path: PathBuf,
    rows: Mutex<Vec<R>>,
}

impl<R: Serialize + DeserializeOwned + Clone> Table<R> {
    /// Reads the existing rows. A last line without its end is dropped: a run was stopped while it was written.
    pub(crate) fn open(path: PathBuf) -> Result<Self, Failure> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(|error| format!("cannot make {}: {error}", folder.display()))?;
        }
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(format!("cannot read {}: {error}", path.display()).into()),
        };
        let whole = text.rfind('\n').map_or(0, |end| end + 1);
        if whole < text.len() {
            write(&path, &text[..whole])?;
        }
        let mut rows = Vec::new();
        for row in csv::Reader::from_reader(&text.as_bytes()[..whole]).deserialize() {
            let row = row.map_err(|error| {
                format!("{}: {error}; a file of another version has to be moved out of the way", path.display())
            })?;
            rows.push(row);
        }
        Ok(Self { path, rows: Mutex::new(rows) })
    }

    /// The rows, oldest first.
    pub(crate) fn rows(&self) -> Vec<R> {
        self.rows.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }

    /// Whether the row exists.
    pub(crate) fn contains(&self, is_it: impl FnMut(&R) -> bool) -> bool {
        self.rows.lock().unwrap_or_else(std::sync::PoisonError::into_inner).iter().any(is_it)
    }

    /// Adds rows, to the file in one write.
    pub(crate) fn append(&self, new: &[R]) -> Result<(), Failure> {
        let mut rows = self.rows.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let mut writer = csv::WriterBuilder::new().has_headers(rows.is_empty()).from_writer(Vec::new());
        for row in new {
            writer.serialize(row)?;
        }
        let text = writer.into_inner().map_err(|error| error.to_string())?;
        let cannot = |error| format!("cannot write {}: {error}", self.path.display());
        let mut file = fs::OpenOptions::new().create(true).append(true).open(&self.path).map_err(cannot)?;
        file.write_all(&text).map_err(cannot)?;
        rows.extend_from_slice(new);
        Ok(())
    }
}

/// Writes a whole file.
pub(crate) fn write(path: &Path, text: &str) -> Result<(), Failure> {
    fs::write(path, text).map_err(|error| format!("cannot write {}: {error}", path.display()).into())
}

/// A table in Markdown.
#[derive(Debug)]
pub(crate) struct Markdown {
    text: String,
}

impl Markdown {
    /// Begins with the columns' names.
    pub(crate) fn new(columns: &[&str]) -> Self {
        let mut markdown = Self { text: String::new() };
        markdown.row(columns);
        markdown.row(&vec!["---"; columns.len()]);
        markdown
    }

    /// Adds a row.
    pub(crate) fn row<C: AsRef<str>>(&mut self, cells: &[C]) {
        for cell in cells {
            self.text.push_str("| ");
            self.text.push_str(cell.as_ref());
            self.text.push(' ');
        }
        self.text.push_str("|\n");
    }

    /// The text.
    pub(crate) fn text(self) -> String {
        self.text
    }
}

/// The median; of an even number of values the mean of the middle two; NaN of none or where one is.
pub(crate) fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.into_iter().collect();
    if values.is_empty() || values.iter().any(|value| value.is_nan()) {
        return f64::NAN;
    }
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    if values.len() % 2 == 1 { values[middle] } else { 0.5 * (values[middle - 1] + values[middle]) }
}

/// A number in few characters: `-` for NaN, powers of ten instead of long decimals.
pub(crate) fn number(value: f64) -> String {
    match value.abs() {
        _ if value.is_nan() => "-".to_owned(),
        0.0 => "0".to_owned(),
        1e-2..1e4 => {
            let digits = (2 - value.abs().log10().floor() as i32).max(0) as usize;
            format!("{value:.digits$}")
        }
        _ => format!("{value:.1e}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    struct Row {
        name: String,
        value: f64,
        late: Option<f64>,
    }

    fn row(name: &str, value: f64, late: Option<f64>) -> Row {
        Row { name: name.to_owned(), value, late }
    }

    /// A file in a folder of this test's own.
    fn fresh(name: &str) -> PathBuf {
        let path = std::env::temp_dir().join(format!("dilqr-experiments-{}", std::process::id())).join(name);
        let _ = fs::remove_file(&path);
        path
    }

    #[test]
    fn rows_are_found_again() -> Result<(), Failure> {
        let path = fresh("again.csv");
        let rows = [row("a", 0.1 + 0.2, None), row("b, quoted", f64::INFINITY, Some(1e-300))];
        let table = Table::open(path.clone())?;
        assert!(table.rows().is_empty());
        table.append(&rows[..1])?;
        table.append(&rows[1..])?;
        // To the last bit, from the file alone.
        let table = Table::<Row>::open(path.clone())?;
        assert_eq!(table.rows(), rows);
        assert!(table.contains(|row| row.name == "a") && !table.contains(|row| row.name == "c"));
        table.append(&[row("c", 1.0, None)])?;
        assert_eq!(fs::read_to_string(path)?.lines().count(), 4);
        Ok(())
    }

    /// A run was stopped while it wrote.
    #[test]
    fn half_a_row_is_dropped() -> Result<(), Failure> {
        let path = fresh("half.csv");
        Table::open(path.clone())?.append(&[row("a", 1.0, None), row("b", 2.0, None)])?;
        let text = fs::read_to_string(&path)?;
        fs::write(&path, &text[..text.len() - 4])?;
        let table = Table::open(path.clone())?;
        assert_eq!(table.rows(), [row("a", 1.0, None)]);
        table.append(&[row("b", 2.0, None)])?;
        assert_eq!(fs::read_to_string(&path)?, text);
        // Nothing but a part of the header.
        fs::write(&path, "nam")?;
        let table = Table::open(path.clone())?;
        table.append(&[row("a", 1.0, None), row("b", 2.0, None)])?;
        assert_eq!(fs::read_to_string(&path)?, text);
        Ok(())
    }

    #[test]
    fn files_of_other_kinds_are_refused() -> Result<(), Failure> {
        let path = fresh("other.csv");
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::write(&path, "name,size\na,1\n")?;
        let Err(error) = Table::<Row>::open(path) else { return Err("it was read".into()) };
        assert!(error.to_string().contains("has to be moved out of the way"), "{error}");
        Ok(())
    }

    #[test]
    fn medians_and_numbers() {
        assert_eq!(median([3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median([4.0, 1.0, 3.0, 2.0]), 2.5);
        assert!(median([]).is_nan() && median([1.0, f64::NAN]).is_nan());
        let shown = [0.0, 12.345, 0.0123, 1234.5, 12345.0, 1e-7, f64::NAN, f64::INFINITY].map(number);
        assert_eq!(shown, ["0", "12.3", "0.0123", "1234", "1.2e4", "1.0e-7", "-", "inf"]);
    }
}
