// Names for the shapes of the OpenAPI document, whose comments say what each field means. `generated.ts` is made
// from it by `npm run generate`.

import type { components } from "./generated";

type Schemas = components["schemas"];

export type Id = string;

export type Session = Schemas["SessionDoc"];
export type Problem = Schemas["Problem"];
export type Wrong = Schemas["Wrong"];
export type Fault = Schemas["Fault"];

export type Board = Schemas["Board"];
export type ChannelBoard = Schemas["ChannelBoard"];
export type Channel = Schemas["ChannelDoc"];
export type ChannelPatch = Schemas["ChannelPatch"];
export type House = Schemas["House"];
export type Failover = Schemas["Failover"];
export type Fallback = Schemas["Fallback"];
export type Manual = Schemas["ManualDoc"];
export type SourceChecks = Schemas["SourceChecks"];
export type CheckAction = Schemas["CheckAction"];
export type Messages = Schemas["Messages"];
export type Hold = Schemas["Hold"];

export type Source = Schemas["SourceDoc"];
export type SourceBody = Schemas["SourceDraft"];
export type KindName = Source["kind"];
export type Ptz = Schemas["Ptz"];
export type PtzStatus = Schemas["PtzStatus"];
export type ViscaTransport = Schemas["ViscaTransport"];
export type FoundCamera = Schemas["FoundCamera"];
export type CameraBody = Schemas["CameraDraft"];
export type Preset = Schemas["PresetDoc"];
export type MoveBody = Schemas["MoveDraft"];
export type PublisherRole = Schemas["PublisherRole"];
export type Pattern = Schemas["Pattern"];
export type Transport = Schemas["Transport"];
export type SrtMode = Schemas["SrtMode"];
export type Publish = Schemas["Publish"];
export type Destination = Schemas["DestinationDoc"];
export type DestinationBody = Schemas["DestinationDraft"];
export type DestinationKind = Destination["kind"];
export type Container = Schemas["Container"];
export type Platform = Schemas["PlatformDoc"];
export type PlatformName = Schemas["Platform"];
export type Band = Schemas["Band"];
export type Asset = Schemas["AssetDoc"];
export type System = Schemas["SystemDoc"];
export type Disk = Schemas["DiskDoc"];
export type FoundDisk = Schemas["FoundDiskDoc"];
export type DiskBody = Schemas["DiskDraft"];
export type Medium = Schemas["Medium"];
export type Panel = Schemas["PanelDoc"];
export type PanelStatus = Schemas["PanelStatusDoc"];
export type Finding = Schemas["Finding"];
export type TimeZone = Schemas["TimeZoneDoc"];
export type Network = Schemas["NetworkDoc"];
export type Interface = Schemas["InterfaceDoc"];
export type Wifi = Schemas["WifiDoc"];
export type WifiBody = Schemas["WifiDraft"];

export type ChannelStatus = Schemas["ChannelStatus"];
export type OnAir = Schemas["OnAir"];
export type Carrier = Schemas["Carrier"];
export type TimelineStatus = Schemas["TimelineStatus"];
export type OverlayStatus = Schemas["OverlayStatus"];
export type Meters = Schemas["Meters"];
export type SourceStatus = Schemas["SourceStatus"];
export type CaptureDevice = Schemas["CaptureDevice"];
export type DestinationStatus = Schemas["DestinationStatus"];

export type TimelineDoc = Schemas["TimelineDoc"];
export type Execution = Schemas["ExecutionDoc"];
export type Figures = Schemas["Figures"];
export type TimelineBody = Schemas["TimelineBody"];
export type Start = Schemas["Start"];
export type TransitionKind = Schemas["TransitionKind"];
export type Anchor = Schemas["Anchor"];
export type Action = Schemas["Action"];
