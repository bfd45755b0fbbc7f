//! Networks in files of the format safetensors.
//!
//! The tensors are `layers.{i}.weight`, `[outputs, inputs]`, and `layers.{i}.bias`, `[outputs]`. Layers count in the order of
//! their numbers, which may have gaps: those of PyTorch's `nn.Sequential` count its activations, too. A network with scaling has
//! `input.mean`, `input.scale`, `output.mean` and `output.scale` beside them.

use alloc::borrow::ToOwned;
use alloc::collections::BTreeSet;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors, serialize};
use thiserror::Error;

use crate::function::activation::Activation;
use crate::function::layers::{LayerRef, layer_mut, weight_count};
use crate::function::network::Network;
use crate::function::scaling::Scaling;

/// Why a file of the format safetensors gives no network. Only with the feature `safetensors`.
#[derive(Clone, Debug, PartialEq, Error)]
#[non_exhaustive]
pub enum SafetensorsError {
    /// The bytes are no file of this format.
    #[error("the bytes are no safetensors file: {0}")]
    Format(String),
    /// A tensor is not in the file.
    #[error("the file has no tensor `{tensor}`, expected one with the shape {expected:?}")]
    Missing {
        /// Its name.
        tensor: String,
        /// The shape that it should have.
        expected: Vec<usize>,
    },
    /// The file has more layers than the network.
    #[error("the file has the tensor `{tensor}`, expected {layers} layers")]
    TooManyLayers {
        /// A tensor of the first layer that is too much.
        tensor: String,
        /// The layers of the network.
        layers: usize,
    },
    /// A tensor has another shape.
    #[error("the tensor `{tensor}` has the shape {given:?}, expected {expected:?}")]
    Shape {
        /// Its name.
        tensor: String,
        /// Its shape.
        given: Vec<usize>,
        /// The shape that it should have.
        expected: Vec<usize>,
    },
    /// A tensor has numbers of another kind.
    #[error("the tensor `{tensor}` has the dtype {given}, expected F64 or F32")]
    Dtype {
        /// Its name.
        tensor: String,
        /// Its dtype.
        given: String,
    },
    /// A number of a tensor is NaN or infinite, or not positive where it is a scale.
    #[error("the tensor `{tensor}` is {number} at entry {entry}, expected a {expected} number")]
    Number {
        /// Its name.
        tensor: String,
        /// The index of the entry; matrices count row by row.
        entry: usize,
        /// The number.
        number: f64,
        /// What it should be.
        expected: &'static str,
    },
}

impl<const N: usize, const M: usize> Network<N, M> {
    /// A network from a file of the format safetensors.
    ///
    /// # Errors
    /// For bytes of another format, a missing tensor, another shape, numbers that are no floats or not finite.
    pub fn from_safetensors(
        sizes: &'static [usize],
        activation: Activation,
        bytes: &[u8],
    ) -> Result<Self, SafetensorsError> {
        let file = SafeTensors::deserialize(bytes).map_err(|error| SafetensorsError::Format(error.to_string()))?;
        let numbers = layer_numbers(&file, sizes.len() - 1)?;
        let mut weights = vec![0.0; weight_count(sizes)];
        for (index, number) in numbers.into_iter().enumerate() {
            let (inputs, outputs) = (sizes[index], sizes[index + 1]);
            let (matrix, biases) = layer_mut(sizes, &mut weights, index);
            read(&file, &weight_name(number), (&[outputs, inputs], matrix))?;
            read(&file, &bias_name(number), (&[outputs], biases))?;
        }
        Ok(Self {
            sizes,
            activation,
            weights: weights.into(),
            inputs: scaling(&file, "input")?,
            outputs: scaling(&file, "output")?,
        })
    }

    /// The network as a file of the format safetensors, with numbers of the dtype F64.
    ///
    /// # Errors
    /// Where the file cannot be written in this format, for its size.
    pub fn to_safetensors(&self) -> Result<Vec<u8>, SafetensorsError> {
        let mut tensors: Vec<(String, Vec<usize>, Vec<u8>)> = Vec::new();
        let mut add = |name: String, shape: &[usize], numbers: &[f64]| {
            let bytes = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
            tensors.push((name, shape.to_vec(), bytes));
        };
        for index in 0..self.sizes.len() - 1 {
            let LayerRef { inputs, outputs, matrix, biases } = LayerRef::of(self.sizes, &self.weights, index);
            add(weight_name(index), &[outputs, inputs], matrix);
            add(bias_name(index), &[outputs], biases);
        }
        if let Some((mean, scale)) = self.inputs.parts() {
            add("input.mean".to_owned(), &[N], mean);
            add("input.scale".to_owned(), &[N], scale);
        }
        if let Some((mean, scale)) = self.outputs.parts() {
            add("output.mean".to_owned(), &[M], mean);
            add("output.scale".to_owned(), &[M], scale);
        }
        let format = |error: safetensors::SafeTensorError| SafetensorsError::Format(error.to_string());
        let views: Result<Vec<_>, _> = tensors
            .iter()
            .map(|(name, shape, bytes)| Ok((name.as_str(), TensorView::new(Dtype::F64, shape.clone(), bytes)?)))
            .collect();
        serialize(views.map_err(format)?, None).map_err(format)
    }
}

fn weight_name(layer: usize) -> String {
    format!("layers.{layer}.weight")
}

fn bias_name(layer: usize) -> String {
    format!("layers.{layer}.bias")
}

/// The numbers of the layers of a file, which may have gaps.
fn layer_numbers(file: &SafeTensors<'_>, layers: usize) -> Result<Vec<usize>, SafetensorsError> {
    let number = |name: &str| {
        let rest = name.strip_prefix("layers.")?;
        rest.strip_suffix(".weight").or_else(|| rest.strip_suffix(".bias"))?.parse().ok()
    };
    let mut numbers: BTreeSet<usize> = file.names().into_iter().filter_map(number).collect();
    if let Some(number) = numbers.iter().nth(layers) {
        let names = [weight_name(*number), bias_name(*number)];
        let tensor = names.into_iter().find(|name| file.tensor(name).is_ok());
        return Err(SafetensorsError::TooManyLayers { tensor: tensor.unwrap_or_default(), layers });
    }
    // Where layers are missing, the first free numbers are those of the missing ones.
    let mut free = 0;
    while numbers.len() < layers {
        numbers.insert(free);
        free += 1;
    }
    Ok(numbers.into_iter().collect())
}

/// Reads a tensor with the given shape.
fn read(file: &SafeTensors<'_>, name: &str, (shape, out): (&[usize], &mut [f64])) -> Result<(), SafetensorsError> {
    let tensor = name.to_owned();
    let Ok(view) = file.tensor(name) else {
        return Err(SafetensorsError::Missing { tensor, expected: shape.to_vec() });
    };
    if view.shape() != shape {
        return Err(SafetensorsError::Shape { tensor, given: view.shape().to_vec(), expected: shape.to_vec() });
    }
    match view.dtype() {
        Dtype::F64 => {
            let (numbers, _) = view.data().as_chunks();
            out.iter_mut().zip(numbers).for_each(|(out, bytes)| *out = f64::from_le_bytes(*bytes));
        }
        Dtype::F32 => {
            let (numbers, _) = view.data().as_chunks();
            out.iter_mut().zip(numbers).for_each(|(out, bytes)| *out = f64::from(f32::from_le_bytes(*bytes)));
        }
        other => return Err(SafetensorsError::Dtype { tensor, given: format!("{other:?}") }),
    }
    check(name, out, ("finite", f64::is_finite))
}

fn check(
    name: &str,
    numbers: &[f64],
    (expected, is_right): (&'static str, fn(f64) -> bool),
) -> Result<(), SafetensorsError> {
    match numbers.iter().position(|number| !is_right(*number)) {
        Some(entry) => {
            Err(SafetensorsError::Number { tensor: name.to_owned(), entry, number: numbers[entry], expected })
        }
        None => Ok(()),
    }
}

/// The scaling of inputs or outputs. A file has both tensors of it or none.
fn scaling<const K: usize>(file: &SafeTensors<'_>, of: &str) -> Result<Scaling<K>, SafetensorsError> {
    let names = ["mean", "scale"].map(|part| format!("{of}.{part}"));
    if names.iter().all(|name| file.tensor(name).is_err()) {
        return Ok(Scaling::NONE);
    }
    let (mut mean, mut scale) = ([0.0; K], [1.0; K]);
    read(file, &names[0], (&[K], &mut mean))?;
    read(file, &names[1], (&[K], &mut scale))?;
    check(&names[1], &scale, ("positive", |number| number > 0.0))?;
    Ok(Scaling::of(mean, scale))
}
