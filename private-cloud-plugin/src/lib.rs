//! The guest side of container networking: what runs inside a tenant VM so that its containers use the addresses that
//! the controller gave to the VM's NIC.

pub mod cni;
