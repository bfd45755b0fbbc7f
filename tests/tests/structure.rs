//! The structure of the crates, read from their text: no import cycle, imports between folders go down, and files, functions
//! and parameter lists are short.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// The crates, each with its layers from the lowest: folders, and files of the root. A layer imports from lower ones only.
const CRATES: [(&str, &[&[&str]]); 1] = [(
    "dilqr-macros",
    &[
        &["environment", "program", "syntax"],
        &["elaborate"],
        &["differentiate", "emit", "store"],
        &["derive"],
        &["expand"],
        &["lib"],
    ],
)];

const MAX_FILE: usize = 500;
const MAX_FUNCTION: usize = 60;
/// Besides `self`.
const MAX_PARAMETERS: usize = 5;

/// A source file as a module: its path in the crate, and its text without comments, strings and test modules.
struct Module {
    path: Vec<String>,
    file: PathBuf,
    text: String,
}

fn modules(package: &str) -> Vec<Module> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(package).join("src");
    let (mut folders, mut modules) = (vec![root.clone()], Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("sources can be read") {
            let file = entry.expect("sources can be read").path();
            if file.is_dir() {
                if file.file_name().is_some_and(|name| name != "tests") {
                    folders.push(file);
                }
                continue;
            }
            let inside = file.strip_prefix(&root).expect("it is in the root").with_extension("");
            let mut path: Vec<String> = inside.iter().map(|part| part.to_string_lossy().into_owned()).collect();
            if path.last().is_some_and(|last| last == "mod") {
                path.pop();
            }
            let text = fs::read_to_string(&file).expect("sources can be read");
            modules.push(Module { path, file, text });
        }
    }
    modules.sort_by(|a, b| a.path.cmp(&b.path));
    modules
}

/// The text without test modules, and with comments, strings and characters left empty; lines stay where they are.
fn code(text: &str) -> String {
    let text = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
    let mut code = String::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let skipped = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if first == '"' {
            1 + string_end(&rest[1..])
        } else if rest.starts_with("'\"'") || rest.starts_with("'{'") || rest.starts_with("'}'") {
            3
        } else {
            code.push(first);
            rest = &rest[first.len_utf8()..];
            continue;
        };
        code.extend(rest[..skipped].chars().filter(|&character| character == '\n'));
        rest = &rest[skipped..];
    }
    code
}

/// The length of the rest of a string, with its quote.
fn string_end(rest: &str) -> usize {
    let mut escaped = false;
    for (index, character) in rest.char_indices() {
        match character {
            '"' if !escaped => return index + 1,
            '\\' => escaped = !escaped,
            _ => escaped = false,
        }
    }
    rest.len()
}

/// The end of the bracket that `text` begins with.
fn bracket(text: &str) -> usize {
    let mut depth = 0;
    let mut before = ' ';
    for (index, character) in text.char_indices() {
        match character {
            '(' | '[' | '{' | '<' => depth += 1,
            '>' if matches!(before, '-' | '=') => {}
            ')' | ']' | '}' | '>' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return index + 1;
        }
        before = character;
    }
    text.len()
}

/// The name, the parameters besides `self`, and the lines of each function with a body.
fn functions(code: &str) -> Vec<(String, usize, usize)> {
    let mut found = Vec::new();
    for (start, _) in code.match_indices("fn ") {
        let line = code[..start].rsplit('\n').next().unwrap_or_default();
        let keywords = ["pub", "pub(crate)", "pub(super)", "const", "unsafe"];
        if !line.split_whitespace().all(|word| keywords.contains(&word)) {
            continue;
        }
        let rest = &code[start + 3..];
        let name: String =
            rest.chars().take_while(|character| character.is_alphanumeric() || *character == '_').collect();
        let mut signature = &rest[name.len()..];
        // A function type, or the template of generated code.
        if name.is_empty() {
            continue;
        }
        if signature.starts_with('<') {
            signature = &signature[bracket(signature)..];
        }
        if !signature.starts_with('(') {
            continue;
        }
        let parameters = &signature[1..bracket(signature) - 1];
        let indent = &line[..line.len() - line.trim_start().len()];
        let end = format!("\n{indent}}}");
        let body = code[start..].find(&end).map_or(0, |length| code[start..start + length].matches('\n').count() + 2);
        found.push((name, count_parameters(parameters), body));
    }
    found
}

fn count_parameters(parameters: &str) -> usize {
    let (mut count, mut rest) = (0, parameters.trim());
    while !rest.is_empty() {
        let mut length = 0;
        while let Some(next) = rest[length..].chars().next() {
            match next {
                ',' => break,
                '(' | '[' | '{' | '<' => length += bracket(&rest[length..]),
                _ => length += next.len_utf8(),
            }
        }
        count += usize::from(rest[..length].split(':').next().is_some_and(|name| !name.contains("self")));
        rest = rest[length..].trim_start_matches(',').trim_start();
    }
    count
}

/// The paths that a file imports from its own crate.
fn imports(module: &Module, code: &str) -> Vec<Vec<String>> {
    let mut paths = Vec::new();
    for (start, _) in code.match_indices("use ") {
        if !code[..start]
            .rsplit('\n')
            .next()
            .is_some_and(|line| line.trim().is_empty() || line.trim().starts_with("pub"))
        {
            continue;
        }
        let path: String = code[start + 4..].split(';').next().unwrap_or_default().split_whitespace().collect();
        let mut prefix = module.path.clone();
        let rest = if let Some(rest) = path.strip_prefix("crate::") {
            prefix.clear();
            rest
        } else if path.starts_with("super::") {
            // A `mod.rs` is its own folder; imports from there are rare and go through `crate`.
            let mut rest = path.as_str();
            while let Some(after) = rest.strip_prefix("super::") {
                prefix.pop();
                rest = after;
            }
            rest
        } else {
            continue;
        };
        expand(&prefix, rest, &mut paths);
    }
    paths
}

/// `a::{b, c::d}` as `a::b` and `a::c::d`.
fn expand(prefix: &[String], path: &str, paths: &mut Vec<Vec<String>>) {
    let Some((before, list)) = path.split_once('{') else {
        let names = path.split("::").map(str::to_owned);
        paths.push(prefix.iter().cloned().chain(names).collect());
        return;
    };
    let prefix: Vec<String> =
        prefix.iter().cloned().chain(before.split("::").filter(|name| !name.is_empty()).map(str::to_owned)).collect();
    let mut depth = 0;
    let list = list.strip_suffix('}').unwrap_or(list);
    let parts = list.split(|character| {
        depth += match character {
            '{' => 1,
            '}' => -1,
            _ => 0,
        };
        character == ',' && depth == 0
    });
    parts.filter(|part| !part.is_empty()).for_each(|part| expand(&prefix, part, paths));
}

/// The modules of a crate that each module imports from.
fn graph(modules: &[Module]) -> BTreeMap<Vec<String>, BTreeSet<Vec<String>>> {
    let known: BTreeSet<&[String]> = modules.iter().map(|module| module.path.as_slice()).collect();
    let mut graph = BTreeMap::new();
    for module in modules {
        let mut targets = BTreeSet::new();
        for path in imports(module, &code(&module.text)) {
            let target = (1..=path.len()).rev().map(|length| &path[..length]).find(|path| known.contains(path));
            targets.extend(target.filter(|target| *target != module.path).map(<[String]>::to_vec));
        }
        graph.insert(module.path.clone(), targets);
    }
    graph
}

#[test]
fn files_and_functions_are_short() {
    let mut long = Vec::new();
    for (package, _) in CRATES {
        for module in modules(package) {
            let file = module.file.display();
            let lines = module.text.lines().count();
            if lines > MAX_FILE {
                long.push(format!("{file} has {lines} lines"));
            }
            for (name, parameters, lines) in functions(&code(&module.text)) {
                if lines > MAX_FUNCTION {
                    long.push(format!("{file}: `{name}` has {lines} lines"));
                }
                if parameters > MAX_PARAMETERS {
                    long.push(format!("{file}: `{name}` has {parameters} parameters"));
                }
            }
        }
    }
    assert!(long.is_empty(), "{}", long.join("\n"));
}

#[test]
fn imports_have_no_cycle() {
    for (package, _) in CRATES {
        let mut graph = graph(&modules(package));
        // Modules that import none of those left are removed; what is left in the end imports in a circle.
        loop {
            let free: BTreeSet<Vec<String>> =
                graph.iter().filter(|(_, targets)| targets.is_empty()).map(|(path, _)| path.clone()).collect();
            if free.is_empty() {
                break;
            }
            graph.retain(|path, _| !free.contains(path));
            graph.values_mut().for_each(|targets| targets.retain(|target| !free.contains(target)));
        }
        assert!(graph.is_empty(), "{package}: import cycles among or above {:#?}", graph.keys());
    }
}

#[test]
fn imports_go_down() {
    for (package, layers) in CRATES {
        let layer = |path: &[String]| {
            let found = layers.iter().position(|names| names.contains(&path[0].as_str()));
            found.unwrap_or_else(|| panic!("{package}: `{}` is in no layer", path[0]))
        };
        for (path, targets) in graph(&modules(package)) {
            for target in targets {
                let same = path[0] == target[0];
                assert!(same || layer(&target) < layer(&path), "{package}: {path:?} imports {target:?}");
            }
        }
    }
}
