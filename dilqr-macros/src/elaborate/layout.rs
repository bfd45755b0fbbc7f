//! The order of a struct's numbers in its vector.

use proc_macro2::Ident;

/// The fields of a struct, in the order of their numbers.
#[derive(Default)]
pub(crate) struct Layout {
    pub(crate) fields: Vec<(Ident, FieldLayout)>,
}

/// The numbers of a field.
pub(crate) enum FieldLayout {
    Number,
    /// So many elements, one after another: a matrix row by row.
    Array(Box<FieldLayout>, usize),
    /// A struct of the module, by its name.
    Struct(Ident, Layout),
}

impl Layout {
    /// Entries of the vector.
    pub(crate) fn len(&self) -> usize {
        self.fields.iter().map(|(_, field)| field.len()).sum()
    }

    /// Names of the entries: `angle`, `position[2]`, `inertia.xx`, `wheels[1].radius`.
    pub(crate) fn names(&self) -> Vec<String> {
        let mut names = Vec::new();
        self.push_names("", plain, &mut names);
        names
    }

    /// As [`names`](Self::names), with names that are keywords as Rust writes them (`r#type`).
    pub(crate) fn raw_names(&self) -> Vec<String> {
        let mut names = Vec::new();
        self.push_names("", |field| field.to_string(), &mut names);
        names
    }

    /// The field `name`, with the index of its first entry.
    pub(crate) fn find(&self, name: &str) -> Option<(usize, &FieldLayout)> {
        let mut first = 0;
        for (field, layout) in &self.fields {
            if plain(field) == name {
                return Some((first, layout));
            }
            first += layout.len();
        }
        None
    }

    fn push_names(&self, prefix: &str, text: fn(&Ident) -> String, names: &mut Vec<String>) {
        for (field, layout) in &self.fields {
            layout.push_names(format!("{prefix}{}", text(field)), text, names);
        }
    }
}

impl FieldLayout {
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Number => 1,
            Self::Array(element, length) => element.len() * length,
            Self::Struct(_, layout) => layout.len(),
        }
    }

    fn push_names(&self, name: String, text: fn(&Ident) -> String, names: &mut Vec<String>) {
        match self {
            Self::Number => names.push(name),
            Self::Array(element, length) => {
                for index in 0..*length {
                    element.push_names(format!("{name}[{index}]"), text, names);
                }
            }
            Self::Struct(_, layout) => layout.push_names(&format!("{name}."), text, names),
        }
    }
}

/// The name of a field without the mark of a raw identifier.
fn plain(field: &Ident) -> String {
    let field = field.to_string();
    field.strip_prefix("r#").unwrap_or(&field).to_owned()
}
