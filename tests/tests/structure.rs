//! The structure of the two crates: layers, import cycles, and sizes of files, functions and parameter lists.
//!
//! The sources are read as text. Comments, strings and the unit tests at the end of a file are removed first. An import is
//! every path that starts with `crate::` or `super::`, in a `use` line or elsewhere; it belongs to the file of the deepest
//! module on it. Re-exports of a folder's own modules (`pub use records::StageExpansion`) are no imports.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

/// Lines of a file, tests and comments included.
const FILE_LINES: usize = 500;

/// Lines of a function from `fn` to its closing brace, without blank lines and comments.
const FUNCTION_LINES: usize = 60;

/// Parameters of a function besides `self`.
const PARAMETERS: usize = 5;

/// The layers of a crate, from low to high. A folder ends with a slash and is one layer. A file imports from its own layer
/// and from lower ones.
struct Crate {
    name: &'static str,
    layers: &'static [&'static [&'static str]],
    /// A rule, the file that still breaks it, and why. Nothing is added here without a reason.
    exceptions: &'static [(Rule, &'static str, &'static str)],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rule {
    Layer,
    Cycle,
    File,
    Function,
    Parameters,
}

const RUNTIME: Crate = Crate {
    name: "dilqr-runtime",
    layers: &[
        &["scalar/"],
        &["linalg/"],
        &["model/"],
        &["lq/"],
        &["ocp/"],
        // The data that users name.
        &["status.rs", "cause.rs", "stats.rs", "iteration.rs"],
        &["error.rs"],
        // Networks and other functions that models keep.
        &["function/"],
        &["settings.rs"],
        // Flat lists of what solutions of lifted models hold besides.
        &["lifted_data.rs", "multipliers.rs"],
        &["augmented_lagrangian.rs"],
        &["solution.rs", "estimate.rs", "mpc_step.rs"],
        &["gradient.rs"],
        &["guess.rs", "intervals.rs", "problem.rs"],
        // The algorithms.
        &["kkt/"],
        &["certificate.rs"],
        &["solve/"],
        &["differentiate/"],
        &["engine/"],
        // The objects that users call.
        &["formulation.rs"],
        &["sensitivities.rs"],
        &["ilqr.rs"],
        &["implicit/", "mhe.rs", "mpc.rs", "batch.rs", "path.rs", "transform.rs"],
        // A factor is a term of an implicit function.
        &["graph/"],
        &["layer/"],
        &["serial/"],
        &["lib.rs"],
    ],
    exceptions: &[],
};

const MACROS: Crate = Crate {
    name: "dilqr-macros",
    layers: &[
        &["environment.rs"],
        &["syntax/"],
        &["program/"],
        &["elaborate/"],
        &["differentiate/"],
        &["store/"],
        &["derive.rs"],
        &["emit/"],
        &["expand.rs"],
        &["lib.rs"],
        &["tests/"],
    ],
    exceptions: &[],
};

/// One source file of a crate.
struct Source {
    /// Relative to `src`, with slashes.
    path: String,
    /// The path of its module, without `crate`.
    module: Vec<String>,
    lines: usize,
    /// The text with comments, strings and characters blanked out, line by line as long as the original.
    code: String,
}

#[test]
fn runtime_keeps_to_its_structure() {
    check(&RUNTIME);
}

#[test]
fn compiler_keeps_to_its_structure() {
    check(&MACROS);
}

fn check(this: &Crate) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(this.name).join("src");
    let mut sources = Vec::new();
    read(&root, "", &mut sources);
    let mut found: Vec<(Rule, String, String)> = Vec::new();
    let imports = imports(&sources);
    check_layers(this, &sources, &imports, &mut found);
    check_cycles(&sources, &imports, &mut found);
    for source in &sources {
        check_sizes(source, &mut found);
    }

    let excepted = |rule: Rule, path: &str| this.exceptions.iter().any(|e| e.0 == rule && e.1 == path);
    let mut message = String::new();
    for (rule, path, text) in &found {
        if !excepted(*rule, path) {
            let _ = writeln!(message, "{}/src/{text}", this.name);
        }
    }
    for (rule, path, _) in this.exceptions {
        if !found.iter().any(|(broken, file, _)| broken == rule && file == path) {
            let _ = writeln!(message, "{}/src/{path}: keeps {rule:?} by now; remove it from `exceptions`", this.name);
        }
    }
    assert!(message.is_empty(), "\n{message}");
}

/// All files under a folder of the sources, in the order of their names. Golden files are output, not sources.
fn read(root: &Path, folder: &str, sources: &mut Vec<Source>) {
    let mut names: Vec<String> = fs::read_dir(root.join(folder))
        .expect("the folder of the sources")
        .map(|entry| entry.expect("an entry of the folder").file_name().into_string().expect("a name in Unicode"))
        .collect();
    names.sort();
    for name in names {
        let path = format!("{folder}{name}");
        if root.join(&path).is_dir() {
            if name != "golden" {
                read(root, &format!("{path}/"), sources);
            }
        } else if let Some(stem) = path.strip_suffix(".rs") {
            let mut module: Vec<String> = stem.split('/').map(str::to_owned).collect();
            if matches!(module.last().map(String::as_str), Some("mod" | "lib")) {
                module.pop();
            }
            let text = fs::read_to_string(root.join(&path)).expect("a source file in UTF-8");
            sources.push(Source { lines: text.lines().count(), code: code(&text), path, module });
        }
    }
}

/// The text with everything that is not code replaced by spaces.
fn code(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = vec![b' '; bytes.len()];
    let mut i = 0;
    while i < bytes.len() {
        let end = match bytes[i] {
            b'/' if bytes[i..].starts_with(b"//") => i + text[i..].find('\n').unwrap_or(text.len() - i),
            b'/' if bytes[i..].starts_with(b"/*") => i + text[i..].find("*/").map_or(text.len() - i, |n| n + 2),
            b'r' if raw_string(&text[i..]).is_some() => i + raw_string(&text[i..]).unwrap_or(1),
            b'"' => i + quoted(&bytes[i..], b'"'),
            // A character, not a lifetime.
            b'\'' if bytes.get(i + 1) == Some(&b'\\') => i + quoted(&bytes[i..], b'\''),
            b'\'' if text[i + 1..].chars().nth(1) == Some('\'') => i + 2 + text[i + 1..].find('\'').unwrap_or(0),
            byte => {
                out[i] = if byte.is_ascii() { byte } else { b' ' };
                i += 1;
                continue;
            }
        };
        i = end;
    }
    for (out, &byte) in out.iter_mut().zip(bytes) {
        if byte == b'\n' {
            *out = b'\n';
        }
    }
    String::from_utf8(out).expect("bytes of ASCII")
}

/// The length of the raw string that the text begins with.
fn raw_string(text: &str) -> Option<usize> {
    let hashes = text[1..].bytes().take_while(|&byte| byte == b'#').count();
    let start = 1 + hashes;
    if !text[start..].starts_with('"') {
        return None;
    }
    let end = format!("\"{}", "#".repeat(hashes));
    Some(text[start + 1..].find(&end).map_or(text.len(), |n| start + 1 + n + end.len()))
}

/// The length of the string or character that the bytes begin with.
fn quoted(bytes: &[u8], quote: u8) -> usize {
    let mut i = 1;
    while i < bytes.len() && bytes[i] != quote {
        i += if bytes[i] == b'\\' { 2 } else { 1 };
    }
    i + 1
}

fn line_of(code: &str, at: usize) -> usize {
    code[..at].matches('\n').count() + 1
}

/// An import: its line, and the index of the file it leads to.
type Imports = Vec<Vec<(usize, usize)>>;

/// The imports of every file, in the order of `sources`.
fn imports(sources: &[Source]) -> Imports {
    let files: BTreeMap<&[String], usize> =
        sources.iter().enumerate().map(|(index, source)| (source.module.as_slice(), index)).collect();
    sources
        .iter()
        .enumerate()
        .map(|(index, source)| {
            let end = unit_tests(&source.code).unwrap_or(source.code.len());
            let mut paths = Vec::new();
            for keyword in ["crate::", "super::"] {
                for (at, _) in source.code[..end].match_indices(keyword) {
                    let before = source.code[..at].bytes().next_back().unwrap_or(b' ');
                    // `pub(in crate::..)` and `$crate::` in macros of other crates are no imports.
                    if before == b'$' || before == b':' || before.is_ascii_alphanumeric() || before == b'_' {
                        continue;
                    }
                    let mut base = Vec::new();
                    if keyword == "super::" {
                        base.extend_from_slice(&source.module);
                        base.extend(inline_modules(&source.code, at));
                        base.pop();
                    }
                    let start = paths.len();
                    tree(&source.code[at + keyword.len()..], &base, &mut paths);
                    let line = line_of(&source.code, at);
                    paths[start..].iter_mut().for_each(|(_, at)| *at = line);
                }
            }
            let mut found = Vec::new();
            for (path, line) in paths {
                let target = (0..=path.len()).rev().find_map(|length| files.get(&path[..length]).copied());
                if let Some(target) = target.filter(|&target| target != index) {
                    found.push((line, target));
                }
            }
            found
        })
        .collect()
}

/// The modules inside the file that a place is in.
fn inline_modules(code: &str, at: usize) -> Vec<String> {
    let mut names = Vec::new();
    for (start, _) in code[..at].match_indices("mod ") {
        let rest = &code[start + 4..];
        let Some(open) = rest.find(['{', ';']).filter(|&open| rest[open..].starts_with('{')) else { continue };
        let end = start + 4 + open + closing(&rest[open..]);
        if end > at {
            names.push(rest[..open].trim().to_owned());
        }
    }
    names
}

/// Where the unit tests of a file begin.
fn unit_tests(code: &str) -> Option<usize> {
    code.match_indices("#[cfg(test)]")
        .map(|(at, _)| at)
        .find(|&at| code[at + "#[cfg(test)]".len()..].trim_start().starts_with("mod tests {"))
}

/// The paths of a `use` tree, or the single path of an expression, behind `base`.
fn tree<'a>(text: &'a str, base: &[String], paths: &mut Vec<(Vec<String>, usize)>) -> &'a str {
    let mut path = base.to_vec();
    let mut rest = text.trim_start();
    if let Some(inner) = rest.strip_prefix('{') {
        rest = inner.trim_start();
        while !rest.is_empty() && !rest.starts_with('}') {
            rest = tree(rest, base, paths).trim_start();
            rest = rest.strip_prefix(',').unwrap_or(rest).trim_start();
        }
        return rest.strip_prefix('}').unwrap_or(rest);
    }
    loop {
        let length =
            rest.bytes().take_while(|&byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'$').count();
        let name = &rest[..length];
        rest = &rest[length..];
        match name {
            "super" => drop(path.pop()),
            "self" | "" => {}
            _ => path.push(name.to_owned()),
        }
        let Some(next) = rest.strip_prefix("::") else { break };
        rest = next;
        if rest.starts_with('{') {
            return tree(rest, &path, paths);
        }
        if name.is_empty() && !rest.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_') {
            break;
        }
    }
    paths.push((path, 0));
    // What remains of `name as other` and of `*` up to the next entry.
    let length = rest.find([',', '}', ';', '(', ' ', '\n']).unwrap_or(rest.len());
    let rest = &rest[length..];
    match rest.trim_start().strip_prefix("as ") {
        Some(other) => &other[other.find([',', '}', ';']).unwrap_or(other.len())..],
        None => rest,
    }
}

/// The layer of a file.
fn layer(this: &Crate, path: &str) -> Option<usize> {
    this.layers.iter().position(|layer| {
        layer.iter().any(|&place| if place.ends_with('/') { path.starts_with(place) } else { path == place })
    })
}

fn check_layers(this: &Crate, sources: &[Source], imports: &Imports, found: &mut Vec<(Rule, String, String)>) {
    for (source, imports) in sources.iter().zip(imports) {
        let path = &source.path;
        let Some(own) = layer(this, path) else {
            let text =
                format!("{path}:1: belongs to no layer; move it into a folder, or add it to `layers` in {}", file!());
            found.push((Rule::Layer, path.clone(), text));
            continue;
        };
        for &(line, target) in imports {
            let target = &sources[target].path;
            if layer(this, target).is_some_and(|layer| layer > own) {
                let text = format!(
                    "{path}:{line}: imports upwards, from {target}; move what it imports into the layer of {path} or below"
                );
                found.push((Rule::Layer, path.clone(), text));
            }
        }
    }
}

/// Every file that can be reached from itself.
fn check_cycles(sources: &[Source], imports: &Imports, found: &mut Vec<(Rule, String, String)>) {
    for start in 0..sources.len() {
        // Breadth first, so that the shortest cycle is shown; `from` holds the way back.
        let mut from: BTreeMap<usize, (usize, usize)> = BTreeMap::new();
        let mut queue = vec![start];
        let mut next = 0;
        while next < queue.len() && !from.contains_key(&start) {
            let file = queue[next];
            next += 1;
            for &(line, target) in &imports[file] {
                if let std::collections::btree_map::Entry::Vacant(entry) = from.entry(target) {
                    entry.insert((file, line));
                    queue.push(target);
                }
            }
        }
        if !from.contains_key(&start) {
            continue;
        }
        let (mut way, mut at) = (vec![], start);
        loop {
            let (file, line) = from[&at];
            way.push((file, line));
            at = file;
            if at == start {
                break;
            }
        }
        way.reverse();
        // Each cycle once, at its first file.
        if way.iter().any(|&(file, _)| file < start) {
            continue;
        }
        let path = &sources[start].path;
        let way: Vec<String> = way.iter().map(|&(file, line)| format!("{}:{line}", sources[file].path)).collect();
        let text =
            format!("{}: import cycle {} -> {path}; move what both need into a file below", way[0], way.join(" -> "));
        found.push((Rule::Cycle, path.clone(), text));
    }
}

fn check_sizes(source: &Source, found: &mut Vec<(Rule, String, String)>) {
    let path = &source.path;
    if source.lines > FILE_LINES {
        let text = format!("{path}:1: {} lines, more than {FILE_LINES}; split it by nouns", source.lines);
        found.push((Rule::File, path.clone(), text));
    }
    for function in functions(&source.code) {
        let Function { name, line, parameters, lines } = function;
        if lines > FUNCTION_LINES {
            let text =
                format!("{path}:{line}: `{name}` has {lines} lines, more than {FUNCTION_LINES}; split it by steps");
            found.push((Rule::Function, path.clone(), text));
        }
        if parameters > PARAMETERS {
            let text = format!(
                "{path}:{line}: `{name}` takes {parameters} parameters, more than {PARAMETERS}; bundle what belongs together"
            );
            found.push((Rule::Parameters, path.clone(), text));
        }
    }
}

struct Function<'a> {
    name: &'a str,
    line: usize,
    /// Besides `self`.
    parameters: usize,
    lines: usize,
}

/// The functions of a file, those in macros included.
fn functions(code: &str) -> Vec<Function<'_>> {
    let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'$';
    let mut functions = Vec::new();
    for (at, _) in code.match_indices("fn ") {
        if code[..at].bytes().next_back().is_some_and(word) {
            continue;
        }
        let rest = &code[at + 3..];
        let name = &rest[..rest.bytes().take_while(|&byte| word(byte)).count()];
        let mut open = at + 3 + name.len();
        if name.is_empty() {
            continue;
        }
        if code[open..].starts_with('<') {
            open += closing(&code[open..]);
        }
        if !code[open..].starts_with('(') {
            continue;
        }
        let close = open + closing(&code[open..]);
        let body = code[close..].find(['{', ';']).map(|n| close + n);
        let end = body.filter(|&body| code[body..].starts_with('{')).map(|body| body + closing(&code[body..]));
        functions.push(Function {
            name,
            line: line_of(code, at),
            parameters: parameters(&code[open + 1..close - 1]),
            lines: end.map_or(0, |end| code[at..end].lines().filter(|line| !line.trim().is_empty()).count()),
        });
    }
    functions
}

/// The length up to and with the bracket that closes the one at the start. Angle brackets count where the first is one.
fn closing(code: &str) -> usize {
    let angled = code.starts_with('<');
    let mut depth = 0_i32;
    let mut last = b' ';
    for (i, byte) in code.bytes().enumerate() {
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth -= 1,
            b'<' if angled => depth += 1,
            b'>' if angled && last != b'-' => depth -= 1,
            _ => {}
        }
        last = byte;
        if depth == 0 {
            return i + 1;
        }
    }
    code.len()
}

/// The number of parameters in a list, besides `self`.
fn parameters(list: &str) -> usize {
    let mut entries = vec![String::new()];
    let (mut depth, mut last) = (0_i32, ' ');
    for c in list.chars() {
        match c {
            '(' | '[' | '{' | '<' => depth += 1,
            ')' | ']' | '}' => depth -= 1,
            '>' if last != '-' => depth -= 1,
            _ => {}
        }
        last = c;
        if c == ',' && depth == 0 {
            entries.push(String::new());
        } else if let Some(entry) = entries.last_mut() {
            entry.push(c);
        }
    }
    let is_self = |entry: &str| {
        let name = entry.split(':').next().unwrap_or_default().trim();
        name.rsplit([' ', '&']).next() == Some("self")
    };
    entries.iter().filter(|entry| !entry.trim().is_empty() && !is_self(entry)).count()
}

/// The checks find what they are made for.
#[test]
fn violations_are_found() {
    let text = "use crate::{a::B, c::{self, D as E}};\nfn f<F: Fn(u8) -> u8>(&self, a: [u8; 2], b: (u8, u8)) -> u8 {\n    // fn g(\n    '{'\n}\n";
    let code = code(text);
    assert_eq!(code.len(), text.len());
    let mut paths = Vec::new();
    tree(&code["use crate::".len()..], &[], &mut paths);
    let joined: Vec<String> = paths.iter().map(|(path, _)| path.join("::")).collect();
    assert_eq!(joined, ["a::B", "c", "c::D"]);
    let functions = functions(&code);
    assert_eq!(functions.len(), 1);
    assert_eq!((functions[0].name, functions[0].line, functions[0].parameters, functions[0].lines), ("f", 2, 2, 2));
    assert_eq!(parameters("mut self, x: &'a Vec<(u8, u8)>, f: impl Fn(u8, u8) -> u8,"), 2);
}
