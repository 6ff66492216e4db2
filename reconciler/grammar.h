#pragma once

#include <optional>
#include <string>
#include <string_view>

// The typed grammars of names that reach the engine, a proxy or a file system. Every check is
// whole: what passes can be rendered anywhere without quoting, but for names of environment
// variables. Pure.
namespace fairlead {

bool is_name(std::string_view text, std::size_t length_max = 40);  // [a-z][a-z0-9-]*
bool is_env_name(std::string_view text);     // [A-Za-z_], and then any of ASCII but "=" and blanks
bool is_secret_name(std::string_view text);  // [A-Za-z0-9_.-]+, a file name: not "." or ".."
bool is_label_name(std::string_view text);   // [A-Za-z0-9] and inside also . _ / -
bool is_image(std::string_view text);        // [registry[:port]/]path[:tag][@sha256:…]
bool is_registry(std::string_view text);     // host[:port]
std::optional<int> port_of(std::string_view text);  // 1..65535, in digits alone
bool is_address(const std::string& text);           // IPv4 or IPv6

// A host name as DNS has it: of one with other letters than ASCII's the xn-- form (IDNA2008, mapped
// as UTS #46 has it); as it is where there is none, or none is needed.
std::string ascii_host(std::string_view text);

// A host name in lower case: LDH labels of at most 63, at most 253 in all; with `wildcard`, an
// optional leading "*." is taken. Nothing where it is none.
std::optional<std::string> normal_domain(std::string_view text, bool wildcard);

// An absolute path without "//", "/./" and a "/" at its end. Nothing for a relative path, one with
// a ".." or one with a control character.
std::optional<std::string> normal_path(std::string_view text);

// What requests are routed by: begins with "/", holds [A-Za-z0-9/_.~-] only, has no "//", "/./" or
// "/../", and but for "/" itself no "/" at its end.
bool is_route_path(std::string_view text);

// An address, or a CIDR range whose address is its first: "10.0.0.0/8", "fd00::/8".
bool is_range(const std::string& text);
// Whether all of one range is in the other; never of two families. Both are is_range().
bool is_within(const std::string& range, const std::string& outer);

bool is_relative_path(std::string_view text);  // of a file: no empty part, ".", ".." or control

bool has_control_characters(std::string_view text);  // of ASCII; tab and line end included

}  // namespace fairlead
