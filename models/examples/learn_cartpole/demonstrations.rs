//! Demonstrations of the expert: trajectories of the cart-pole, read from a CSV file.

use std::io;
use std::path::{Path, PathBuf};

use csv::ByteRecord;
use dilqr_models::cartpole::State;

/// The columns, in order.
const HEADER: [&str; 7] = ["trajectory", "step", "position", "velocity", "angle", "angular_velocity", "force"];

/// One trajectory: `T` forces \[N\], and the `T + 1` states before, between and after them.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Demonstration {
    /// Number in the file.
    pub(crate) trajectory: usize,
    pub(crate) states: Vec<State>,
    pub(crate) forces: Vec<f64>,
}

/// An error of reading demonstrations.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReadError {
    #[error("cannot read {}", .path.display())]
    Io { path: PathBuf, source: io::Error },
    #[error("{}, line {line}: expected {expected}, found {found}", .path.display())]
    Malformed { path: PathBuf, line: u64, expected: String, found: String },
}

/// Reads demonstrations: trajectories numbered from 0, the steps of each from 0, all of the same length; the force is
/// empty in the last row of a trajectory, and only there.
pub(crate) fn read(path: &Path) -> Result<Vec<Demonstration>, ReadError> {
    let io = |source| ReadError::Io { path: path.to_owned(), source };
    let text = std::fs::read(path).map_err(io)?;
    // The reader accepts rows of any length, so that a wrong number of columns gets a message of the same form.
    let reader =
        csv::ReaderBuilder::new().has_headers(false).flexible(true).trim(csv::Trim::All).from_reader(text.as_slice());

    let malformed =
        |line, expected: String, found: String| ReadError::Malformed { path: path.to_owned(), line, expected, found };
    let mut demonstrations = Vec::new();
    let mut current = Demonstration::default();
    let mut last_line = 0;
    for record in reader.into_byte_records() {
        let record = record.map_err(|error| io(error.into()))?;
        let line = line(&record, &text);
        let is_header = last_line == 0;
        last_line = line;
        if is_header {
            if record != HEADER[..] {
                let found: Vec<_> = record.iter().map(String::from_utf8_lossy).collect();
                return Err(malformed(line, format!("the header {}", HEADER.join(",")), found.join(",")));
            }
            continue;
        }

        let row = Row::parse(&record).map_err(|Unexpected { expected, found }| malformed(line, expected, found))?;
        let place = (demonstrations.len(), current.states.len());
        if (row.trajectory, row.step) != place {
            let name = |(trajectory, step)| format!("trajectory {trajectory}, step {step}");
            return Err(malformed(line, name(place), name((row.trajectory, row.step))));
        }
        // The first trajectory sets the length of all.
        let horizon = demonstrations.first().map(|first: &Demonstration| first.forces.len());
        current.states.push(row.state);
        match row.force {
            Some(_) if horizon == Some(row.step) => {
                let expected = format!("no force in step {}, the last one of trajectory 0", row.step);
                return Err(malformed(line, expected, "a force".to_owned()));
            }
            None if row.step == 0 || horizon.is_some_and(|horizon| horizon != row.step) => {
                let expected = "a force in all but the last step, the same in all trajectories".to_owned();
                return Err(malformed(line, expected, "none".to_owned()));
            }
            Some(force) => current.forces.push(force),
            None => {
                current.trajectory = row.trajectory;
                demonstrations.push(std::mem::take(&mut current));
            }
        }
    }
    if demonstrations.is_empty() || !current.states.is_empty() {
        let expected = "a row without force that ends the trajectory".to_owned();
        return Err(malformed(last_line + 1, expected, "the end of the file".to_owned()));
    }
    Ok(demonstrations)
}

/// The line of a record. The reader's own count is that of its position before the record: before empty lines, and
/// between the two characters of a line end.
fn line(record: &ByteRecord, text: &[u8]) -> u64 {
    let Some(position) = record.position() else { return 0 };
    let start = usize::try_from(position.byte()).unwrap_or(text.len()).min(text.len());
    let line_ends = text[start..].iter().take_while(|&byte| matches!(byte, b'\r' | b'\n'));
    position.line() + line_ends.filter(|&&byte| byte == b'\n').count() as u64
}

/// A row below the header.
struct Row {
    trajectory: usize,
    step: usize,
    state: State,
    force: Option<f64>,
}

/// The expected and the found text.
struct Unexpected {
    expected: String,
    found: String,
}

impl Row {
    fn parse(record: &ByteRecord) -> Result<Self, Unexpected> {
        if record.len() != HEADER.len() {
            let columns = |count: usize| format!("{count} column{}", if count == 1 { "" } else { "s" });
            return Err(Unexpected { expected: columns(HEADER.len()), found: columns(record.len()) });
        }
        let cell = |column: usize| String::from_utf8_lossy(&record[column]);
        let unexpected = |column: usize, kind: &str| Unexpected {
            expected: format!("{kind} in column {}", HEADER[column]),
            found: format!("{:?}", cell(column)),
        };
        let count = |column| cell(column).parse::<usize>().map_err(|_| unexpected(column, "a count"));
        let number = |column| match cell(column).parse::<f64>() {
            Ok(number) if number.is_finite() => Ok(number),
            _ => Err(unexpected(column, "a finite number")),
        };
        Ok(Self {
            trajectory: count(0)?,
            step: count(1)?,
            state: State {
                position: number(2)?,
                velocity: number(3)?,
                angle: number(4)?,
                angular_velocity: number(5)?,
            },
            force: if record[6].is_empty() { None } else { Some(number(6)?) },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads a text as if it stood in a file, and gives the message of the error with the file's folder cut off.
    fn read_text(name: &str, text: &str) -> Result<Vec<Demonstration>, String> {
        let folder = std::env::temp_dir().join(format!("dilqr-demonstrations-{}", std::process::id()));
        let path = folder.join(name);
        std::fs::create_dir_all(&folder)
            .and_then(|()| std::fs::write(&path, text))
            .map_err(|error| error.to_string())?;
        let result = read(&path).map_err(|error| error.to_string().replace(&format!("{}", path.display()), "FILE"));
        std::fs::remove_file(&path).map_err(|error| error.to_string())?;
        result
    }

    const TEXT: &str = "trajectory,step,position,velocity,angle,angular_velocity,force
0,0,0.1,0.2,0.3,0.4,5
0,1,1.1,1.2,1.3,1.4,6
0,2,2.1,2.2,2.3,2.4,
1,0,0.1,0.2,0.3,0.4,7
1,1,1.1,1.2,1.3,1.4,8
1,2,2.1,2.2,2.3,2.4,
";

    #[test]
    fn well_formed() {
        for (name, text) in [
            ("plain", TEXT.to_owned()),
            ("crlf", TEXT.replace('\n', "\r\n")),
            ("spaces", TEXT.replace(',', " , ")),
            ("empty lines", TEXT.replace('\n', "\n\n")),
            ("no line end", TEXT.trim_end().to_owned()),
        ] {
            let Ok(demonstrations) = read_text(name, &text) else { unreachable!("{name} is refused") };
            assert_eq!(demonstrations.len(), 2);
            assert_eq!(demonstrations[1].forces, [7.0, 8.0]);
            let last = State { position: 2.1, velocity: 2.2, angle: 2.3, angular_velocity: 2.4 };
            assert_eq!(demonstrations[1].states[2], last);
        }
    }

    #[test]
    fn malformed() {
        let header = "the header trajectory,step,position,velocity,angle,angular_velocity,force";
        let cases = [
            (
                "",
                "FILE, line 1: expected a row without force that ends the trajectory, found the end of the file"
                    .to_owned(),
            ),
            ("0,0,1,2,3,4,5\n", format!("FILE, line 1: expected {header}, found 0,0,1,2,3,4,5")),
        ];
        for (text, message) in cases {
            assert_eq!(read_text("start", text), Err(message));
        }
        // A change of the good text, and what is said of it.
        let cases = [
            ("0,1,1.1", "0,1,1.1,9", "FILE, line 3: expected 7 columns, found 8 columns"),
            ("0,1,1.1,1.2,1.3,1.4,6", "0", "FILE, line 3: expected 7 columns, found 1 column"),
            ("0,1,1.1", "0,1,fast", "FILE, line 3: expected a finite number in column position, found \"fast\""),
            ("0,1,1.1", "0,1,", "FILE, line 3: expected a finite number in column position, found \"\""),
            ("0,1,1.1", "0,1,NaN", "FILE, line 3: expected a finite number in column position, found \"NaN\""),
            ("1.4,8", "1.4,1e999", "FILE, line 6: expected a finite number in column force, found \"1e999\""),
            ("0,1,1.1", "0,-1,1.1", "FILE, line 3: expected a count in column step, found \"-1\""),
            ("0,2,2.1", "0,3,2.1", "FILE, line 4: expected trajectory 0, step 2, found trajectory 0, step 3"),
            ("1,0,0.1", "2,0,0.1", "FILE, line 5: expected trajectory 1, step 0, found trajectory 2, step 0"),
            ("2.4,\n1", "2.4,9\n1", "FILE, line 5: expected trajectory 0, step 3, found trajectory 1, step 0"),
            (
                "0.4,5",
                "0.4,",
                "FILE, line 2: expected a force in all but the last step, the same in all trajectories, found none",
            ),
            (
                "1.4,8",
                "1.4,",
                "FILE, line 6: expected a force in all but the last step, the same in all trajectories, found none",
            ),
        ];
        for (old, new, message) in cases {
            let text = TEXT.replacen(old, new, 1);
            assert_ne!(text, TEXT);
            // The line is right in files of every kind of line end.
            assert_eq!(read_text("changed", &text), Err(message.to_owned()));
            assert_eq!(read_text("changed crlf", &text.replace('\n', "\r\n")), Err(message.to_owned()));
        }
        let message = "FILE, line 7: expected no force in step 2, the last one of trajectory 0, found a force";
        let text = format!("{}9\n", TEXT.trim_end());
        assert_eq!(read_text("longer", &text), Err(message.to_owned()));
        let message = "FILE, line 7: expected a row without force that ends the trajectory, found the end of the file";
        assert_eq!(read_text("cut", &TEXT[..TEXT.len() - 21]), Err(message.to_owned()));
        let message = "FILE, line 4: expected a count in column step, found \"x\"";
        assert_eq!(read_text("empty line", &TEXT.replacen("0,1,", "\n0,x,", 1)), Err(message.to_owned()));
    }

    #[test]
    fn no_file() {
        let Err(error) = read(Path::new("no such file")) else { unreachable!("there is such a file") };
        assert_eq!(error.to_string(), "cannot read no such file");
    }
}
