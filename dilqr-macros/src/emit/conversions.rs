//! Conversions between the user's structs and vectors.

use proc_macro2::{Ident, Span, TokenStream};
use quote::quote;

use crate::elaborate::layout::{FieldLayout, Layout};

/// Conversions between a struct and the vector of its numbers.
pub(super) fn conversions(name: &str, layout: &Layout, runtime: &TokenStream) -> TokenStream {
    let name = Ident::new(name, Span::call_site());
    let n = layout.len();
    let names = layout.names();
    let (to_struct, mut to_array) = (fields(layout, &mut 0), Vec::new());
    push_fields(&quote!(__v), layout, &mut to_array);
    let summary = format!("Names of the {n} entries, in the order of the vector.");
    quote! {
        impl #name {
            #[doc = #summary]
            pub const NAMES: [&'static ::core::primitive::str; #n] = [#(#names),*];
        }
        #[automatically_derived]
        impl ::core::convert::From<[::core::primitive::f64; #n]> for #name {
            #[inline]
            fn from(__v: [::core::primitive::f64; #n]) -> Self {
                Self { #to_struct }
            }
        }
        #[automatically_derived]
        impl ::core::convert::From<#name> for [::core::primitive::f64; #n] {
            #[inline]
            fn from(__v: #name) -> Self {
                [#(#to_array),*]
            }
        }
        #[automatically_derived]
        impl ::core::convert::From<#runtime::nalgebra::SVector<::core::primitive::f64, #n>> for #name {
            #[inline]
            fn from(__v: #runtime::nalgebra::SVector<::core::primitive::f64, #n>) -> Self {
                let __v: [::core::primitive::f64; #n] = ::core::convert::Into::into(__v);
                ::core::convert::From::from(__v)
            }
        }
        #[automatically_derived]
        impl ::core::convert::From<#name> for #runtime::nalgebra::SVector<::core::primitive::f64, #n> {
            #[inline]
            fn from(__v: #name) -> Self {
                let __v: [::core::primitive::f64; #n] = ::core::convert::From::from(__v);
                ::core::convert::From::from(__v)
            }
        }
    }
}

/// The fields of a struct literal, from the entries of the array `__v` beginning with `next`.
fn fields(layout: &Layout, next: &mut usize) -> TokenStream {
    let fields = layout.fields.iter().map(|(field, layout)| {
        let value = value(layout, next);
        quote!(#field: #value)
    });
    quote!(#(#fields),*)
}

/// The value of a field.
fn value(layout: &FieldLayout, next: &mut usize) -> TokenStream {
    match layout {
        FieldLayout::Number => {
            let index = *next;
            *next += 1;
            quote!(__v[#index])
        }
        FieldLayout::Array(element, length) => {
            let elements = (0..*length).map(|_| value(element, next));
            quote!([#(#elements),*])
        }
        FieldLayout::Struct(name, layout) => {
            let fields = fields(layout, next);
            quote!(#name { #fields })
        }
    }
}

/// The numbers of the struct `place`, in order.
fn push_fields(place: &TokenStream, layout: &Layout, numbers: &mut Vec<TokenStream>) {
    for (field, layout) in &layout.fields {
        push_numbers(quote!(#place.#field), layout, numbers);
    }
}

fn push_numbers(place: TokenStream, layout: &FieldLayout, numbers: &mut Vec<TokenStream>) {
    match layout {
        FieldLayout::Number => numbers.push(place),
        FieldLayout::Array(element, length) => {
            (0..*length).for_each(|index| push_numbers(quote!(#place[#index]), element, numbers));
        }
        FieldLayout::Struct(_, layout) => push_fields(&place, layout, numbers),
    }
}
