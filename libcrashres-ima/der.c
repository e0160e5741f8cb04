/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* der.c: read elements of DER. Each length is checked against the bytes that are left. */
#include <string.h>
#include <time.h>

#include "der.h"

#define LONG_TAG	0x1f	/* the low bits of a tag that continues in the next byte */

struct crs_der crs_der_inside(struct crs_bytes bytes)
{
	return (struct crs_der){ bytes.data, bytes.size };
}

/*
 * Reads the length that starts at byte 1 of @der. @header: out; bytes before the value.
 * Returns false for an indefinite length and for more than two bytes of length.
 */
static bool read_length(const struct crs_der *der, size_t *header, size_t *length)
{
	size_t more;

	if (der->left < 2)
		return false;
	*header = 2;
	*length = der->at[1];
	if (*length < 0x80)
		return true;
	more = *length - 0x80;
	if (more < 1 || more > 2 || der->left < 2 + more)
		return false;
	*header = 2 + more;
	*length = more == 1 ? der->at[2] : (size_t)der->at[2] << 8 | der->at[3];
	return true;
}

bool crs_der_next(struct crs_der *der, struct crs_der_element *element)
{
	size_t header, length;

	if (!read_length(der, &header, &length) || (der->at[0] & LONG_TAG) == LONG_TAG ||
	    length > der->left - header)
		return false;
	*element = (struct crs_der_element){
		.tag = der->at[0],
		.value = { der->at + header, length },
		.whole = { der->at, header + length },
	};
	der->at += header + length;
	der->left -= header + length;
	return true;
}

bool crs_der_take(struct crs_der *der, uint8_t tag, struct crs_der_element *element)
{
	return der->left && der->at[0] == tag && crs_der_next(der, element);
}

bool crs_der_enter(struct crs_der *der, uint8_t tag, struct crs_der *inside)
{
	struct crs_der_element element;

	if (!crs_der_take(der, tag, &element))
		return false;
	*inside = crs_der_inside(element.value);
	return true;
}

bool crs_bytes_equal(struct crs_bytes bytes, const void *data, size_t size)
{
	return bytes.data && bytes.size == size && !memcmp(bytes.data, data, size);
}

/* Reads two decimal digits. Returns -1 for other bytes. */
static int two_digits(const uint8_t *text)
{
	if (text[0] < '0' || text[0] > '9' || text[1] < '0' || text[1] > '9')
		return -1;
	return (text[0] - '0') * 10 + text[1] - '0';
}

/*
 * Reads the year in front of the other 11 bytes of a time: two digits in a UTCTime, four in a
 * GeneralizedTime. Returns 0 for a year or a size that the kernel refuses.
 */
static int read_year(const struct crs_der_element *element)
{
	const uint8_t *text = element->value.data;
	int year, low;

	if (element->tag == CRS_DER_UTC_TIME && element->value.size == 13) {
		low = two_digits(text);
		year = low < 0 ? 0 : low < 50 ? 2000 + low : 1900 + low;
	} else if (element->tag == CRS_DER_GENERALIZED_TIME && element->value.size == 15) {
		low = two_digits(text + 2);
		year = two_digits(text) < 0 || low < 0 ? 0 : two_digits(text) * 100 + low;
		if (year >= 1950 && year <= 2049)
			year = 0;
	} else {
		year = 0;
	}
	return year < 1970 ? 0 : year;
}

/* Returns the number of days in month 1 to 12 of @year, else 0. */
static int days_in(int year, int month)
{
	static const uint8_t days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

	if (month < 1 || month > 12)
		return 0;
	return days[month - 1] + (month == 2 && leap);
}

bool crs_der_time(const struct crs_der_element *element, int64_t *time)
{
	int year = read_year(element), part[5];
	const uint8_t *text;
	struct tm tm;

	if (!year)
		return false;
	text = element->value.data + element->value.size - 11;
	if (text[10] != 'Z')
		return false;
	for (int i = 0; i < 5; i++) {
		part[i] = two_digits(text + 2 * i);
		if (part[i] < 0)
			return false;
	}
	/* The kernel accepts 24:00:00 and a leap second; timegm() converts both. */
	if (part[1] < 1 || part[1] > days_in(year, part[0]) || part[2] > 24 || part[3] > 59 ||
	    part[4] > 60)
		return false;
	tm = (struct tm){
		.tm_year = year - 1900, .tm_mon = part[0] - 1, .tm_mday = part[1],
		.tm_hour = part[2], .tm_min = part[3], .tm_sec = part[4],
	};
	*time = timegm(&tm);
	return true;
}
