//! Error codes of the northbound API. [MS-NCNBI 3.1.5.35], contract section 8.

use serde::{Serialize, Serializer};
use std::fmt;

/// The stable part of an error. A variant's name is its text on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "the names are the published vocabulary and say all that is known of them")]
pub enum Code {
    // Generic.
    InternalServerError,
    Canceled,
    NotFound,
    BadRequest,
    RetryableError,
    TransientError,
    OperationNotSupported,
    FeatureDisabled,
    ValidationError,
    InvalidParameterValue,
    RequiredParamMissing,
    InvalidResourceName,
    ServiceUnavailable,
    UpgradeInProgress,
    RestoreOperationInProgress,
    AnotherOperationInProgress,
    // Parsing and references.
    InvalidRequestFormat,
    InvalidJson,
    InvalidJsonReferenceWrongType,
    InvalidJsonReferenceFormat,
    InvalidResourceReference,
    ReferencedResourceNotProvisioned,
    // In use.
    ResourceInUse,
    NicInUse,
    VnetInUse,
    InUseSubnetCannotBeDeleted,
    InUseSubnetCannotBeUpdated,
    SubnetsOldReferencesNotCleanedUp,
    InUseRouteTableCannotBeDeleted,
    InUseFrontendIpConfigurationCannotBeDeleted,
    InUseBackendAddressPoolCannotBeDeleted,
    InUseProbeCannotBeDeleted,
    InUseAccessControlListCannotBeDeleted,
    InUseServiceInsertionCannotBeDeleted,
    InUseServerCannotBeDeleted,
    InUseVirtualServerCannotBeDeleted,
    InUseIpPoolCannotBeDeleted,
    InUseVipPoolCannotBeRemoved,
    InUseCredentialCannotBeDeleted,
    InUseQosSettingsCannotBeUpdated,
    InUseSecurityTagCannotBeDeleted,
    // Addresses and subnets.
    SubnetIsFull,
    SubnetIsRequired,
    InvalidSubnet,
    PrivateIPAddressMissing,
    PrivateIPAddressNotInSubnet,
    PrivateIPAddressInReservedRange,
    InvalidPrivateIPAddressFormat,
    PrivateIPAddressInUse,
    InvalidIPAddress,
    InvalidIPPrefix,
    UnmanagedAllocationMethodNotSupported,
    PrivateIpAllocationMethodCannotBeUpdated,
    PrivateIpAllocationMethodMustBeUnmanaged,
    LnetDynamicAllocationBlocked,
    LnetDynamicAllocationBlockedIfLessThanV6,
    CannotUpdateVLanId,
    DnsServerCountLimitReached,
    InvalidUnbilledAddressRange,
    InvalidVsidRangeFormat,
    InvalidVsidRangeValues,
    MinimumApiVersionNotSpecifiedForVsidRange,
    InvalidLogicalNetworkReference,
    NetworkMismatch,
    VirtualNetworkMismatch,
    UnsupportedCredentialType,
    // Public addresses and DNS.
    PublicIPAddressInUse,
    PublicIPAddressMissing,
    PublicIPAddressInUseCannotUpdate,
    PublicIPIdleTimeoutIsOutOfRange,
    PublicIPAddressVersionCannotUpdate,
    StaticAllocationMethodNotSupported,
    DnsRecordInUse,
    InvalidDomainNameLabel,
    DomainNameLabelCannotBeNullOrEmpty,
    // NIC and MAC.
    PrivateMacAddressMissing,
    InvalidPrivateMacAddress,
    InvalidNetworkInterfaceReference,
    IsHostVirtualNetworkInterfaceCannotBeUpdated,
    HostVirtualNetworkInterfaceCannotConnectToVirtualNetwork,
    PrivateMacAllocationMethodCannotBeUpdated,
    PrimaryNicPropertyCannotBeUpdated,
    OnlyPrimaryNetworkInterfaceCanHaveDnsSettings,
    QosGlobalSettingsNotConfigured,
    InvalidMacAddressForMacPool,
    MacPoolContainsMulticastAddresses,
    // ACL and tags.
    InvalidAclRuleType,
    InvalidAclRuleAction,
    InvalidAclRulePriority,
    InvalidAclRuleProtocol,
    AclRuleNullOrEmptySourceAddressPrefix,
    AclRuleNullOrEmptyDestinationAddressPrefix,
    AclRuleNullOrEmptySourcePortRange,
    AclRuleNullOrEmptyDestinationPortRange,
    AclRuleInvalidSourcePortRange,
    AclRuleInvalidDestinationPortRange,
    AclRuleInvalidSourceAddressPrefix,
    AclRuleInvalidDestinationAddressPrefix,
    AclRuleTagsNotSupportedOnLogicalNetwork,
    AclRuleBothDestinationAddressPrefixAndSecurityTagsPresent,
    AclRuleBothSourceAddressPrefixAndSecurityTagsPresent,
    AclRuleDestinationNeitherAddressPrefixNorSecurityTagsPresent,
    AclRuleSourceNeitherAddressPrefixNorSecurityTagsPresent,
    SecurityTagAlreadyHasAclApplied,
    // Routes.
    InvalidRouteAddressPrefix,
    AddressPrefixInRestrictedAddressSpace,
    AddressPrefixMustBeInPublicAddressSpace,
    MissingNextHopIpAddress,
    InvalidNextHopIpAddress,
    NextHopIpAddressNotAllowed,
    RouteNextHopIpAddressNotFound,
    RouteCountLimitReached,
    RouteConflict,
    // Peering.
    UseRemoteAndAllowTransitCannotBeTrue,
    RemoteVnetHasNoGateways,
    ParentVnetAlreadyHasGateways,
    AnotherPeeringAlreadyUsesRemoteGateways,
    RemotePeeringDoesNotAllowGatewayTransit,
    RemoteVirtualNetworkNotSpecified,
    ChangingRemoteVirtualNetworkNotAllowed,
    AnotherPeeringAlreadyReferencesRemoteVnet,
    VnetAddressSpacesOverlap,
    VnetAddressSpaceOverlapsWithAlreadyPeeredVnet,
    RemotePeeringIsStaleBecauseVnetWasRecreated,
    PeeringRemoteVnetIsSameAsParentVnet,
    VnetAddressSpaceCannotChangeDueToPeerings,
    CannotUpdateDisconnectedPeeringWithNullRemoteVnet,
    // Load balancing.
    LbManagerResourceNotConfigured,
    FrontEndIpNotInVipPool,
    VipRangeTooLarge,
    InvalidFrontendIPCount,
    FrontendIPConfigHasNoSubnetOrPublicIP,
    FrontendIPConfigHasBothSubnetAndPublicIP,
    FrontendPrivateIPAddressIsNotNull,
    FrontendPrivateIPAllocationMethodIsNotDynamic,
    FrontendPrivateIpAllocationMethodIsNotStatic,
    FrontendIpConfigSubnetNoAddrPrefix,
    FrontendIPConfigDoesNotSupportServiceInsertion,
    RuleNameDuplicate,
    RulesUseSameFrontendPort,
    RulesUseSameBackendPort,
    BackendAndFrontendPortsAreDifferent,
    PortValueIsOutOfRange,
    RuleIdleTimeoutIsOutOfRange,
    BackendIPConfigurationsDontUseSameVnet,
    FrontendIPConfigAndBackendIPConfigsAreInDifferentVnets,
    CannotSwitchLbBetweenAvailabilitySets,
    InvalidProtocolForProbe,
    ProbeRequestPathIsNotNull,
    ProbeRequestPathIsRequired,
    ProbeIntervalIsOutOfRange,
    NumberOfProbesIsOutOfRange,
    OutboundNatRulesAreNotSupported,
    InvalidOutboundNatProtocolType,
    OutboundIdleTimeoutImmutableIfLessThanV4_2,
    InboundNatRuleInUse,
    BackendPoolReferenceNotProvided,
    FrontendIpConfigReferenceNotProvided,
    AnyPortProtocolNotAllowedWithOtherInboundRules,
    InvalidAnyPortAnyProtocolInboundRule,
    AnyPortProtocolNotAllowedWithOtherOutboundNatRules,
    IpConfigCannotHaveFloatingIpAnyPortLbRulesWithNonFloatingIpRules,
    IpConfigCannotHaveOtherLbRulesWithNonFloatingIpAnyPortRule,
    LoadBalancerHasBothPublicAndInternalFrontends,
    IpConfigCannotChangeFromInternalToPublicViceVersa,
    UpdateBackendAddressPoolsNotAllowed,
    CannotUpdateMuxModeAfterCreatingLoadBalancerMuxes,
    CannotUpdateMuxModeAfterCreatingNetworkInterfaceWithPublicIP,
    CannotUpdateMuxModeAfterCreatingLoadBalancers,
    CannotUpdateMuxModeAfterCreatingVirtualGatewayWithIPSecConnection,
    LoadBalancerMuxModeNotSupported,
    DuplicateNonZeroVIPSubnetVLanID,
    CannotUpdateNetworkInterfaceAfterCreationInL2ForwardingMode,
    // Gateways.
    MultipleGatwaysUseSameVnet,
    InvalidGatewayIPCount,
    DuplicateLocalVpnGatewayAddress,
    // Service insertion.
    ServiceInsertionElementWithUnsupportedNetworkInterface,
    VirtualSubnetIsRequiredForServiceInsertion,
    // Learned addresses.
    LearnedIpConfigModified,
    LearnedIpConfigMissingPrimary,
    LearnedIpConfigCannotBePrimary,
    LearnedIpConfigCannotBeLoadbalancedOrHavePublicIP,
    LearnedIpConfigInvalidConfiguration,
    SingleLearnedIpPerNic,
    LearnedIpConfigurationNotSupported,
    LearnedIpAddressSubnetMissing,
    LearnedIpInvalidIpAddress,
    LearnedIpSubnetNotReady,
    LearnedIpNotPartofSubnet,
    LearnedIpConfigPrivateIpNotSet,
    LearnedIpSubnetInUse,
    // Multisite, backup, certificates.
    MultisiteCannotSpecifyBothCertificateSubjectNameAndSecurityGroup,
    MultisiteCertificateSubjectNameCannotBeSpecifiedWithWindowsAuth,
    InvalidMultisiteApiVersion,
    SiteCountLimitReached,
    BrownfieldSites,
    ResourceFailedRemoteSiteValidation,
    SiteHasConflictingResource,
    CanceledByRemoteSite,
    CanceledByPrimarySite,
    OperationFailedInPrimarySite,
    BackupFolderNotEmpty,
    CommonNameExtractionFailed, // Not in the published list: the original's answers in these cases are not documented.
    PreconditionFailed,
    RequestBodyTooLarge,
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Code {
    /// HTTP status that goes with the code. Contract section 8.
    pub fn status(self) -> u16 {
        match self {
            Self::NotFound => 404,
            Self::ResourceInUse
            | Self::NicInUse
            | Self::VnetInUse
            | Self::InUseSubnetCannotBeDeleted
            | Self::InUseSubnetCannotBeUpdated
            | Self::InUseRouteTableCannotBeDeleted
            | Self::InUseFrontendIpConfigurationCannotBeDeleted
            | Self::InUseBackendAddressPoolCannotBeDeleted
            | Self::InUseProbeCannotBeDeleted
            | Self::InUseAccessControlListCannotBeDeleted
            | Self::InUseServiceInsertionCannotBeDeleted
            | Self::InUseServerCannotBeDeleted
            | Self::InUseVirtualServerCannotBeDeleted
            | Self::InUseIpPoolCannotBeDeleted
            | Self::InUseVipPoolCannotBeRemoved
            | Self::InUseCredentialCannotBeDeleted
            | Self::InUseQosSettingsCannotBeUpdated
            | Self::InUseSecurityTagCannotBeDeleted
            | Self::DnsRecordInUse
            | Self::InboundNatRuleInUse
            | Self::LearnedIpSubnetInUse
            | Self::AnotherOperationInProgress
            | Self::ReferencedResourceNotProvisioned
            | Self::SubnetsOldReferencesNotCleanedUp
            | Self::SecurityTagAlreadyHasAclApplied => 409,
            Self::PreconditionFailed => 412,
            Self::RequestBodyTooLarge => 413,
            Self::ServiceUnavailable
            | Self::UpgradeInProgress
            | Self::RestoreOperationInProgress
            | Self::TransientError
            | Self::RetryableError => 503,
            Self::InternalServerError => 500,
            _ => 400,
        }
    }
}
