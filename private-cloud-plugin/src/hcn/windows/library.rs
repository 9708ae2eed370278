//! `computenetwork.dll`, loaded when it is asked for: hosts without the containers feature do not have it, and the program
//! shall start there, too. [HCN reference; `hcn.md` section 2]

#![expect(unsafe_code, reason = "functions of a Windows library are called here and nowhere else")]

use super::{HcnError, Object};
use std::ffi::{CStr, c_void};
use std::io;
use std::ptr::{null_mut, slice_from_raw_parts};
use uuid::Uuid;
use windows_sys::Win32::Foundation::HMODULE;
use windows_sys::Win32::System::Com::CoTaskMemFree;
use windows_sys::Win32::System::LibraryLoader::{GetProcAddress, LOAD_LIBRARY_SEARCH_SYSTEM32, LoadLibraryExW};
use windows_sys::core::{GUID, HRESULT, PCWSTR, PWSTR, w};

/// Why there is no service to talk to.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// No such file.
    #[error("this host has no Host Network Service (computenetwork.dll): enable the Windows feature 'Containers'")]
    Library(#[source] io::Error),
    /// An older one.
    #[error("the Host Network Service of this host has no function {0}; Windows Server 2019 or later is needed")]
    Function(&'static str),
}

/// `HCN_NETWORK` and `HCN_ENDPOINT`.
type Handle = *mut c_void;
type Enumerate = unsafe extern "system" fn(PCWSTR, *mut PWSTR, *mut PWSTR) -> HRESULT;
type CreateNetwork = unsafe extern "system" fn(*const GUID, PCWSTR, *mut Handle, *mut PWSTR) -> HRESULT;
type CreateEndpoint = unsafe extern "system" fn(Handle, *const GUID, PCWSTR, *mut Handle, *mut PWSTR) -> HRESULT;
type Open = unsafe extern "system" fn(*const GUID, *mut Handle, *mut PWSTR) -> HRESULT;
type Close = unsafe extern "system" fn(Handle) -> HRESULT;
type Query = unsafe extern "system" fn(Handle, PCWSTR, *mut PWSTR, *mut PWSTR) -> HRESULT;
type Modify = unsafe extern "system" fn(Handle, PCWSTR, *mut PWSTR) -> HRESULT;
type Delete = unsafe extern "system" fn(*const GUID, *mut PWSTR) -> HRESULT;

/// The functions that we use. The library stays loaded as long as the process lives.
pub(super) struct Library {
    create_network: CreateNetwork,
    create_endpoint: CreateEndpoint,
    network: Functions,
    endpoint: Functions,
}

/// What every kind of object has.
struct Functions {
    enumerate: Enumerate,
    open: Open,
    close: Close,
    query: Query,
    modify: Modify,
    delete: Delete,
}

/// An open object of the service; closed when dropped.
pub(super) struct Opened<'a> {
    handle: Handle,
    functions: &'a Functions,
}

impl Drop for Opened<'_> {
    fn drop(&mut self) {
        // SAFETY: the handle came from a function of the same library, and is closed only here. That closing fails has no
        // consequence that could be acted on.
        unsafe { (self.functions.close)(self.handle) };
    }
}

/// Loads functions by their names and gives them their types.
macro_rules! functions {
    ($module:ident, $kind:ident { $($field:ident: $type:ty = $name:literal),* $(,)? }) => {
        $kind { $($field: {
            let function = address($module, $name)?;
            // SAFETY: the signature is that of the function's documentation; pointers to functions have one size.
            unsafe { std::mem::transmute::<Function, $type>(function) }
        },)* }
    };
}

type Function = unsafe extern "system" fn() -> isize;

fn address(module: HMODULE, name: &'static CStr) -> Result<Function, LoadError> {
    // SAFETY: the module was loaded and is never freed; the name ends with a NUL.
    let found = unsafe { GetProcAddress(module, name.as_ptr().cast()) };
    found.ok_or_else(|| LoadError::Function(name.to_str().unwrap_or_default()))
}

impl Library {
    pub(super) fn load() -> Result<Self, LoadError> {
        // SAFETY: the name ends with a NUL, and the reserved handle is null as it has to be.
        let module = unsafe { LoadLibraryExW(w!("computenetwork.dll"), null_mut(), LOAD_LIBRARY_SEARCH_SYSTEM32) };
        if module.is_null() {
            return Err(LoadError::Library(io::Error::last_os_error()));
        }
        let network = functions!(
            module,
            Functions {
                enumerate: Enumerate = c"HcnEnumerateNetworks",
                open: Open = c"HcnOpenNetwork",
                close: Close = c"HcnCloseNetwork",
                query: Query = c"HcnQueryNetworkProperties",
                modify: Modify = c"HcnModifyNetwork",
                delete: Delete = c"HcnDeleteNetwork",
            }
        );
        let endpoint = functions!(
            module,
            Functions {
                enumerate: Enumerate = c"HcnEnumerateEndpoints",
                open: Open = c"HcnOpenEndpoint",
                close: Close = c"HcnCloseEndpoint",
                query: Query = c"HcnQueryEndpointProperties",
                modify: Modify = c"HcnModifyEndpoint",
                delete: Delete = c"HcnDeleteEndpoint",
            }
        );
        struct Create {
            network: CreateNetwork,
            endpoint: CreateEndpoint,
        }
        let create = functions!(
            module,
            Create { network: CreateNetwork = c"HcnCreateNetwork", endpoint: CreateEndpoint = c"HcnCreateEndpoint" }
        );
        Ok(Self { create_network: create.network, create_endpoint: create.endpoint, network, endpoint })
    }

    fn of(&self, object: Object) -> &Functions {
        match object {
            Object::Network => &self.network,
            Object::Endpoint => &self.endpoint,
        }
    }

    pub(super) fn enumerate(&self, object: Object, query: &str) -> Result<String, HcnError> {
        let (query, mut answer) = (wide(query), OwnedText::default());
        // SAFETY: the query ends with a NUL and lives through the call, which sets the two pointers or leaves them null.
        call(|record| unsafe { (self.of(object).enumerate)(query.as_ptr(), &mut answer.0, record) })?;
        Ok(answer.text())
    }

    pub(super) fn create_network(&self, id: Uuid, settings: &str) -> Result<Opened<'_>, HcnError> {
        let (id, settings, mut handle) = (guid(id), wide(settings), null_mut());
        // SAFETY: as for `enumerate`; the handle is set on success.
        call(|record| unsafe { (self.create_network)(&id, settings.as_ptr(), &mut handle, record) })?;
        Ok(Opened { handle, functions: &self.network })
    }

    pub(super) fn create_endpoint(
        &self,
        network: &Opened<'_>,
        id: Uuid,
        settings: &str,
    ) -> Result<Opened<'_>, HcnError> {
        let (id, settings, mut handle) = (guid(id), wide(settings), null_mut());
        // SAFETY: as for `create_network`; the network is open.
        call(|record| unsafe { (self.create_endpoint)(network.handle, &id, settings.as_ptr(), &mut handle, record) })?;
        Ok(Opened { handle, functions: &self.endpoint })
    }

    pub(super) fn open(&self, object: Object, id: Uuid) -> Result<Opened<'_>, HcnError> {
        let (id, functions, mut handle) = (guid(id), self.of(object), null_mut());
        // SAFETY: as for `create_network`.
        call(|record| unsafe { (functions.open)(&id, &mut handle, record) })?;
        Ok(Opened { handle, functions })
    }

    pub(super) fn query(&self, opened: &Opened<'_>, query: &str) -> Result<String, HcnError> {
        let (query, mut answer) = (wide(query), OwnedText::default());
        // SAFETY: as for `enumerate`; the object is open.
        call(|record| unsafe { (opened.functions.query)(opened.handle, query.as_ptr(), &mut answer.0, record) })?;
        Ok(answer.text())
    }

    pub(super) fn modify(&self, opened: &Opened<'_>, request: &str) -> Result<(), HcnError> {
        let request = wide(request);
        // SAFETY: as for `query`.
        call(|record| unsafe { (opened.functions.modify)(opened.handle, request.as_ptr(), record) })
    }

    pub(super) fn delete(&self, object: Object, id: Uuid) -> Result<(), HcnError> {
        let id = guid(id);
        // SAFETY: as for `open`.
        call(|record| unsafe { (self.of(object).delete)(&id, record) })
    }
}

/// A call has failed when it says so, or when it leaves an error record.
fn call(function: impl FnOnce(*mut PWSTR) -> HRESULT) -> Result<(), HcnError> {
    let mut record = OwnedText::default();
    let hresult = function(&mut record.0);
    let record = record.text();
    if hresult >= 0 && record.is_empty() { Ok(()) } else { Err(HcnError { hresult: hresult.cast_unsigned(), record }) }
}

/// A text that the service allocated for us.
struct OwnedText(PWSTR);

impl Default for OwnedText {
    fn default() -> Self {
        Self(null_mut())
    }
}

impl OwnedText {
    fn text(&self) -> String {
        if self.0.is_null() {
            return String::new();
        }
        // SAFETY: the service's texts end with a NUL, so all characters up to it may be read, and nobody writes to them.
        let characters = unsafe {
            let length = (0..).take_while(|&at| *self.0.add(at) != 0).count();
            &*slice_from_raw_parts(self.0, length)
        };
        String::from_utf16_lossy(characters)
    }
}

impl Drop for OwnedText {
    fn drop(&mut self) {
        // SAFETY: null, or allocated by the service with this allocator for the caller to free.
        unsafe { CoTaskMemFree(self.0.cast()) };
    }
}

fn wide(text: &str) -> Vec<u16> {
    text.encode_utf16().chain([0]).collect()
}

fn guid(id: Uuid) -> GUID {
    GUID::from_u128(id.as_u128())
}
