//! Conversions between the user's structs and vectors.

use proc_macro2::{Ident, Span, TokenStream};
use quote::quote;

use crate::elaborate::elaborated_system::Layout;

/// Conversions between a struct and the vector of its numbers.
pub(super) fn conversions(name: &str, layout: &Layout, runtime: &TokenStream) -> TokenStream {
    let name = Ident::new(name, Span::call_site());
    let n = layout.len();
    let names = layout.names();
    let mut to_struct = Vec::new();
    let mut to_array = Vec::new();
    let mut next = 0_usize;
    for (field, length) in &layout.fields {
        match length {
            None => {
                to_struct.push(quote!(#field: __v[#next]));
                to_array.push(quote!(__v.#field));
                next += 1;
            }
            Some(length) => {
                let entries = (next..next + length).map(|index| quote!(__v[#index]));
                to_struct.push(quote!(#field: [#(#entries),*]));
                to_array.extend((0..*length).map(|index| quote!(__v.#field[#index])));
                next += length;
            }
        }
    }
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
                Self { #(#to_struct),* }
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
