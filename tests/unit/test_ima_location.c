/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_ima_location.c: names of keys and certificates without the PIN that a URI can contain. */
#include "../../libcrashres-ima/location.h"
#include "support.h"

static void expect(const char *location, const char *expected)
{
	char *name = crs_location_name(location);

	assert_string_equal(name, expected);
	free(name);
}

static void test_locations_without_a_pin_stay(void **state)
{
	expect("", "");
	expect("/etc/keys/kdump.key", "/etc/keys/kdump.key");
	expect("pkcs11:object=kdump;type=private", "pkcs11:object=kdump;type=private");
	expect("pkcs11:object=pin-value?module-name=x", "pkcs11:object=pin-value?module-name=x");
	expect("pkcs11:%70%", "pkcs11:%70%");
}

/* A PIN can contain each character that ends a value. */
static void test_the_pin_and_the_rest_are_left_out(void **state)
{
	expect("pkcs11:object=k?pin-value=1234", "pkcs11:object=k?pin-value=***");
	expect("pkcs11:object=k?pin-value=12;3?4&5/6", "pkcs11:object=k?pin-value=***");
	expect("pkcs11:object=k?module-name=x&pin-value=%31%32",
	       "pkcs11:object=k?module-name=x&pin-value=***");
	expect("pkcs11:?pin-value=", "pkcs11:?pin-value=***");
	expect("pkcs11:?pin-value=1&pin-value=2", "pkcs11:?pin-value=***");
	expect("pkcs11:?pin-source=file:/etc/pin", "pkcs11:?pin-source=***");
}

/* RFC 7512 allows the PIN only in the query. Older URIs have it in the path. */
static void test_the_pin_at_other_places(void **state)
{
	expect("pkcs11:pin-value=1234;object=k", "pkcs11:pin-value=***");
	expect("pkcs11:object=k;pin-value=1&2?module-name=x", "pkcs11:object=k;pin-value=***");
	expect("pkcs11:object=k/pin-value=1234", "pkcs11:object=k/pin-value=***");
	expect("pkcs11:object=my-pin-value=1", "pkcs11:object=my-pin-value=***");
}

static void test_other_spellings_of_the_attribute(void **state)
{
	expect("pkcs11:?PIN-Value=1234", "pkcs11:?PIN-Value=***");
	expect("pkcs11:?%70in%2Dvalue=1234", "pkcs11:?%70in%2Dvalue=***");
	expect("pkcs11:?pin-value%3d1234", "pkcs11:?pin-value%3d***");
	expect("pkcs11:?pin-value =1234", "pkcs11:?pin-value =***");
	expect("pkcs11:?pin-value%20 = 1234", "pkcs11:?pin-value%20 =***");
	expect("pkcs11:?pin%2gvalue=1", "pkcs11:?pin%2gvalue=1");
	expect("pkcs11:?pin-value", "pkcs11:?pin-value");
	expect("pkcs11:?pin-valu%", "pkcs11:?pin-valu%");
}

/* Every part of a long URI: none reads or writes outside (the sanitizers watch). */
static void test_every_truncation(void **state)
{
	static const char uri[] = "pkcs11:pin-value=;%70in-value=?pin-source=&pin-value%3D12";

	for (size_t size = 0; size < sizeof(uri); size++) {
		char *part = unit_alloc(size + 1), *name;

		memcpy(part, uri, size);
		part[size] = '\0';
		name = crs_location_name(part);
		assert_non_null(name);
		assert_null(strstr(name, "12"));
		free(name);
		free(part);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT_TEST(test_locations_without_a_pin_stay),
		UNIT_TEST(test_the_pin_and_the_rest_are_left_out),
		UNIT_TEST(test_the_pin_at_other_places),
		UNIT_TEST(test_other_spellings_of_the_attribute),
		UNIT_TEST(test_every_truncation),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
