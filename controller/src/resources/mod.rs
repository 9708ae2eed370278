//! The collections of the northbound API: what their documents look like, and the rules that hold for them.

pub mod access_control_lists;
pub mod credentials;
pub mod discovery;
pub mod logical_networks;
pub mod mac_pools;
pub mod network_interfaces;
pub mod servers;
pub mod virtual_network_manager;
pub mod virtual_networks;
pub mod virtual_servers;
pub mod virtual_switch_manager;
