#pragma once

#include <string>
#include <string_view>

#include "reconciler/json.h"
#include "reconciler/keys.h"

// The owner mark on engine objects. Images hand their labels on to containers, so a label alone
// proves nothing: the signature is an HMAC over what the object is, and the object's name must fit
// it.
namespace fairlead::docker {

namespace label {
inline constexpr char installation[] = "fairlead.installation";
inline constexpr char app[] = "fairlead.app";
inline constexpr char process[] = "fairlead.process";
inline constexpr char replica[] = "fairlead.replica";
inline constexpr char fingerprint[] = "fairlead.fingerprint";
inline constexpr char fields[] = "fairlead.fields";
inline constexpr char image[] = "fairlead.image";
inline constexpr char owner[] = "fairlead.owner";
inline constexpr char source[] = "fairlead.source";
inline constexpr char mounts[] = "fairlead.mounts";
inline constexpr char schema[] = "fairlead.schema";
inline constexpr char signature[] = "fairlead.signature";
}  // namespace label

inline constexpr char schema_version[] = "1";

// How many digits of the fingerprint stand in a container's name, and of the image's id in that of
// one that is never started.
inline constexpr std::size_t fingerprint_in_name = 8;
inline constexpr std::size_t image_id_in_name = 12;

// An app's network bears its name. Except the edge's, whose container is in the networks of others
// too: the engine leads published ports through that network of the container whose name comes
// first, and cuts connections when another one does (measured on 20.10); no app's name begins with
// a digit.
inline constexpr char edge_app[] = "edge";
inline constexpr char edge_network[] = "0.edge";
std::string network_name(const std::string& app);
std::string app_of_network(const std::string& network);

// What an owned object says that it is. `kind` is "container", "network", "volume", or "reader" and
// "keeper": containers that are never started (reader.h, storage.h).
struct Identity {
  std::string kind;
  std::string app;
  std::string process;      // containers only
  std::string fingerprint;  // containers; of what is never started the id of its image, "sha256:…"
  int replica = 1;          // containers only
  std::string owner{};      // volumes only: owner_mark(); empty: made before there were any

  // "blog.web.3f9c2a1b", from the second replica on "blog.web.3f9c2a1b.2"; "blog"; "blog.data";
  // "blog.manifest.0123456789ab"; "blog.storage.0123456789ab".
  std::string name() const;
};

// The labels that make an object ours (without source and fields, which are only informative).
Json owner_labels(const Keys& keys, const Identity& identity);

// The identity that the labels claim, whether or not it is proven.
Identity claimed_identity(std::string_view kind, const Json& labels);

// Whether the labels carry our installation id and a valid signature for what they claim.
bool proven(const Keys& keys, const Identity& identity, const Json& labels);

}  // namespace fairlead::docker
