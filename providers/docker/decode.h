#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "providers/docker/seen.h"
#include "providers/provider.h"

// The engine's JSON → what was seen. Pure; nothing that the engine says can fail a CHECK.
namespace fairlead::docker {

// One entry of GET /containers/json. Nothing where the labels are not proven ours.
std::optional<SeenContainer> decode_container(const Keys& keys, const Json& entry);
SeenNetwork decode_network(const Keys& keys, const Json& entry);
SeenVolume decode_volume(const Keys& keys, const Json& entry);

// GET /containers/{id}/json.
Detail decode_detail(const Json& inspect, Instant now);

// Labels, environment, command and entrypoint of an image are handed on to each of its containers,
// and stand in each list and event of them. Why they are too much ("its labels, … are 30M together,
// more than 64K"); empty: they are not. `config` is Config of the image's inspect.
std::string too_much_inherited(const Json& config);

// One line of GET /events. Of what is no event nothing follows but that everything may have
// changed.
Hint decode_event(const Keys& keys, std::string_view line);

// "2026-11-21T23:15:03.123456789Z" → since the Unix epoch; 0 for the engine's zero time and for
// anything else.
Duration decode_time(std::string_view text);

// The text of a multiplexed log stream (8-byte frame headers), or of a raw one.
std::string decode_log(std::string_view body);

// The engine's {"message": …}, else the body's beginning.
std::string decode_message(std::string_view body);

// The error inside a progress stream that was answered with 200, or empty.
std::string decode_progress_error(std::string_view body);

}  // namespace fairlead::docker
