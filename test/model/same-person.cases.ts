/**
 * Pairs of made-up people: whether they are one person or two, and what is decided of them. A line is one pair, each side
 * `first/middle|last|birth date|phones`. `same`: taken for one. `ask`: a person decides. `other`: a new patient.
 */
import type { Identity, Likeness } from '../../src/model/same-person.ts'

export interface Group {
  title: string
  truth: 'one' | 'two'
  decision: Likeness
  pairs: [string, string][]
}

/** Reads one side of a pair. */
export function readPerson(text: string): Identity {
  const [names = '', lastName = '', birthDate = '', phones = ''] = text.split('|')
  const [firstName = '', middleName = null] = names.split('/')
  return {
    firstName,
    middleName,
    lastName,
    birthDate: birthDate === '' ? null : birthDate,
    phones: phones.split(';').map((phone) => phone || null),
  }
}

const table = `
# written otherwise, the same letters = one, same
IMANI|OKAFOR|1988-02-29|5035550142 = Imani|Okafor|1988-02-29|5035550142
imani|okafor|1988-02-29|5035550142 =   Imani |Okafor  |1988-02-29|5035550142
Zoë|Müller|1990-04-12|5035550101 = Zoe|Muller|1990-04-12|5035550101
José|Ibáñez|1961-07-30|5035550102 = Jose|Ibanez|1961-07-30|5035550102
Søren|Kjærgaard|1975-01-09|5035550103 = Soren|Kjaergaard|1975-01-09|5035550103
Łukasz|Wałęsa|1983-11-11|5035550104 = Lukasz|Walesa|1983-11-11|5035550104
Hans|Groß|1955-05-05|5035550105 = Hans|Gross|1955-05-05|5035550105
Đorđe|Petrović|1979-09-19|5035550106 = Dorde|Petrovic|1979-09-19|5035550106
Þóra|Jónsdóttir|1993-03-31|5035550107 = Thora|Jonsdottir|1993-03-31|5035550107
Nguyễn|Thị Hoa|1987-08-08|5035550108 = Nguyen|Thi Hoa|1987-08-08|5035550108
Ayşe|Yıldız|1969-06-16|5035550109 = Ayse|Yildiz|1969-06-16|5035550109
Renée|O'Brien|1991-12-01|5035550110 = Renee|O’Brien|1991-12-01|5035550110
Sean|O'Brien|1972-10-22|5035550111 = Sean|OBrien|1972-10-22|5035550111
Sean|O'Neill|1972-10-23|5035550112 = Sean|O Neill|1972-10-23|5035550112
Anna|Smith-Jones|1985-02-14|5035550113 = Anna|Smith Jones|1985-02-14|5035550113
Anna|Smith–Jones|1985-02-14|5035550113 = Anna|SmithJones|1985-02-14|5035550113
Jean-Luc|Moreau|1948-07-13|5035550114 = Jean Luc|Moreau|1948-07-13|5035550114
Mary Ann|Lindqvist|1966-03-03|5035550115 = Maryann|Lindqvist|1966-03-03|5035550115
D'Angelo|Reyes|2001-01-31|5035550116 = Dangelo|Reyes|2001-01-31|5035550116
Fátima|de la Cruz|1980-09-09|5035550117 = Fatima|De La Cruz|1980-09-09|5035550117
Fatima|De la  Cruz|1980-09-09|5035550117 = FATIMA|DELACRUZ|1980-09-09|5035550117
Ｍａｒｉａ|Rossi|1959-04-25|5035550118 = Maria|Rossi|1959-04-25|5035550118
Élodie|Lefèvre|1996-06-06|5035550119 = Élodie|Lefèvre|1996-06-06|5035550119
李|小龙|1940-11-27|5035550120 = 李|小龙|1940-11-27|5035550120
Анна|Королёва|1982-02-02|5035550121 = анна|королева|1982-02-02|5035550121
कमल|शर्मा|1977-07-07|5035550122 = कमल|शर्मा|1977-07-07|5035550122
Αλέξης|Παππάς|1970-10-10|5035550123 = ΑΛΕΞΗΣ|ΠΑΠΠΑΣ|1970-10-10|5035550123
St. John|Abara|1990-10-11|5035550124 = St John|Abara|1990-10-11|5035550124

# the phone in another form = one, same
Teo|Marsh|1970-05-06|(503)555-0130 = Teo|Marsh|1970-05-06|5035550130
Teo|Marsh|1970-05-06|+1 503 555 0130 = Teo|Marsh|1970-05-06|503.555.0130
Teo|Marsh|1970-05-06|1-503-555-0130 = Teo|Marsh|1970-05-06|503 555 0130
Teo|Marsh|1970-05-06|503-555-0130 ext. 12 = Teo|Marsh|1970-05-06|5035550130
Teo|Marsh|1970-05-06|503-555-0130 x7 = Teo|Marsh|1970-05-06|+15035550130
Una|Walsh|1964-08-19|+44 20 7946 0018 = Una|Walsh|1964-08-19|0044 20 7946 0018
Una|Walsh|1964-08-19|+442079460018 = Una|Walsh|1964-08-19|011 44 20 7946 0018
Una|Walsh|1964-08-19|020 7946 0018 = Una|Walsh|1964-08-19|(020) 7946-0018
Una|Walsh|1964-08-19|+44 20 7946 0018 = Una|Walsh|1964-08-19|44 20 7946 0018
Pia|Holm|1999-12-31|5035550131;5035550132 = Pia|Holm|1999-12-31|5035550132
Pia|Holm|1999-12-31|5035550131 = Pia|Holm|1999-12-31|;5035550133;(503) 555-0131

# the generation left out on one side, or spelled otherwise = one, same
John|Fairbrook Jr.|1980-03-04|5035550140 = John|Fairbrook|1980-03-04|5035550140
John|Fairbrook, Jr|1980-03-04|5035550140 = John|Fairbrook Junior|1980-03-04|5035550140
John|Fairbrook Sr|1950-03-04|5035550140 = John|Fairbrook|1950-03-04|5035550140
Omar|Haddad III|1990-01-02|5035550141 = Omar|Haddad 3rd|1990-01-02|5035550141
Omar|Haddad II|1960-01-02|5035550141 = Omar|Haddad|1960-01-02|5035550141
Omar Jr|Haddad|1960-01-02|5035550141 = Omar|Haddad Jr.|1960-01-02|5035550141

# twins: birth date, last name and phone agree = two, ask
Lena|Baptiste|2012-06-01|5035550150 = Lea|Baptiste|2012-06-01|5035550150
Noah|Baptiste|2012-06-01|5035550150 = Lea|Baptiste|2012-06-01|5035550150
Ana|Ferreira|2015-09-30|5035550151 = Anna|Ferreira|2015-09-30|5035550151
Max|Ferreira|2015-09-30|5035550151 = Maxine|Ferreira|2015-09-30|5035550151
Jay|Whitfield|2008-01-15|5035550152 = Kay|Whitfield|2008-01-15|5035550152
Ravi|Menon|2010-04-04|5035550153 = Rani|Menon|2010-04-04|5035550153
Adaeze|Obi|2018-12-24|5035550154 = Adaora|Obi|2018-12-24|5035550154
Hòa|Trần|2011-11-01|5035550155 = Hóa|Trần|2011-11-01|5035550155
राम|वर्मा|2013-03-13|5035550156 = रमा|वर्मा|2013-03-13|5035550156
かな|田中|2014-02-02|5035550157 = がな|田中|2014-02-02|5035550157
Mary Ann|Costa|2009-05-05|5035550158 = Mary Jo|Costa|2009-05-05|5035550158
Jean|Dubois|2016-08-18|5035550159 = Jeanne|Dubois|2016-08-18|5035550159

# a nickname, or a name cut short = one, ask
Robert|Kowalski|1958-02-17|5035550160 = Bob|Kowalski|1958-02-17|5035550160
Robert|Kowalski|1958-02-17|5035550160 = Rob|Kowalski|1958-02-17|5035550160
William|Ashgrove|1947-07-21|5035550161 = Bill|Ashgrove|1947-07-21|5035550161
Elizabeth|Ashgrove|1949-09-02|5035550161 = Liz|Ashgrove|1949-09-02|5035550161
Elizabeth|Ashgrove|1949-09-02|5035550161 = Beth|Ashgrove|1949-09-02|5035550161
Margaret|Dunn|1939-12-12|5035550162 = Peggy|Dunn|1939-12-12|5035550162
Alexander|Petrov|1992-05-29|5035550163 = Sasha|Petrov|1992-05-29|5035550163
Katherine|Lowe|1984-10-08|5035550164 = Kathryn|Lowe|1984-10-08|5035550164
Jonathan|Lowe|1986-10-08|5035550164 = Jon|Lowe|1986-10-08|5035550164
Francisco|Vega|1971-04-01|5035550165 = Paco|Vega|1971-04-01|5035550165
Guadalupe|Vega|1973-04-01|5035550165 = Lupe|Vega|1973-04-01|5035550165
Christopher|Nakamura|1995-11-05|5035550166 = Chris|Nakamura|1995-11-05|5035550166

# a nickname, and another phone too = one, other
Robert|Kowalski|1958-02-17|5035550160 = Bob|Kowalski|1958-02-17|5035550169
William|Ashgrove|1947-07-21|5035550161 = Bill|Ashgrove|1947-07-21|5035550168
Margaret|Dunn|1939-12-12|5035550162 = Maggie|Dunn|1939-12-12|5035550167

# a changed last name = one, ask
Clara|Hoffmann|1989-03-27|5035550170 = Clara|Lindgren|1989-03-27|5035550170
Clara|Hoffmann|1989-03-27|5035550170 = Clara|Hoffmann-Lindgren|1989-03-27|5035550170
Dina|Said|1994-06-11|5035550171 = Dina|Mansour|1994-06-11|5035550171
Joan|Ellery|1952-08-03|5035550172 = Joan|Ellery Pike|1952-08-03|5035550172
Sofía|García López|1990-02-09|5035550173 = Sofia|Garcia|1990-02-09|5035550173
Mei|Chen|1987-01-20|5035550174 = Mei|Chen-Ross|1987-01-20|5035550174
Priya|Nair|1991-09-14|5035550175 = Priya|Thomas|1991-09-14|5035550175
Hana|Suzuki|1985-12-05|5035550176 = Hana|Mori|1985-12-05|5035550176

# a changed last name, and another phone too = one, other
Clara|Hoffmann|1989-03-27|5035550170 = Clara|Lindgren|1989-03-27|5035550179
Dina|Said|1994-06-11|5035550171 = Dina|Mansour|1994-06-11|5035550178
Priya|Nair|1991-09-14|5035550175 = Priya|Thomas|1991-09-14|5035550177

# day and month, or digits of the birth date, transposed = one, ask
Ivo|Brandt|1976-03-04|5035550180 = Ivo|Brandt|1976-04-03|5035550180
Ivo|Brandt|1976-03-12|5035550180 = Ivo|Brandt|1976-12-03|5035550180
Nadia|Rahman|1981-01-10|5035550181 = Nadia|Rahman|1981-10-01|5035550181
Nadia|Rahman|1981-01-10|5035550181 = Nadia|Rahman|1918-01-10|5035550181
Cyril|Banks|1963-07-19|5035550182 = Cyril|Banks|1936-07-19|5035550182
Cyril|Banks|1963-07-19|5035550182 = Cyril|Banks|1963-07-18|5035550182
Cyril|Banks|1963-07-12|5035550182 = Cyril|Banks|1963-07-21|5035550182
Gwen|Tully|2004-02-29|5035550183 = Gwen|Tully|2004-02-28|5035550183
Gwen|Tully|2004-11-02|5035550183 = Gwen|Tully|2004-02-11|5035550183
Abdul|Karim|1968-08-06|5035550184 = Abdul|Karim|1968-06-08|5035550184

# the birth date transposed, and another phone too = one, other
Ivo|Brandt|1976-03-04|5035550180 = Ivo|Brandt|1976-04-03|5035550189
Nadia|Rahman|1981-01-10|5035550181 = Nadia|Rahman|1981-10-01|5035550188

# digits of the phone transposed, or a new phone = one, ask
Otis|Granger|1979-05-17|5035550190 = Otis|Granger|1979-05-17|5035550109
Otis|Granger|1979-05-17|5035550190 = Otis|Granger|1979-05-17|5035551090
Otis|Granger|1979-05-17|5035550190 = Otis|Granger|1979-05-17|5053550190
Lucía|Prieto|1997-10-28|5035550191 = Lucia|Prieto|1997-10-28|2125550191
Lucía|Prieto|1997-10-28|5035550191 = Lucia|Prieto|1997-10-28|+34 600 555 191
Frank|Oduya|1945-09-09|020 7946 0018 = Frank|Oduya|1945-09-09|+44 20 7946 0018
Greta|Stein|1933-03-30|5035550192 = Greta|Stein|1933-03-30|
Greta|Stein|1933-03-30| = Greta|Stein|1933-03-30|
Yusuf|Demir|1988-12-19|5035550193 = Yusuf|Demir|1988-12-19|5035550194;5035550195
Tomás|Rey|2000-06-21|5035550196 = Tomas|Rey|2000-06-21|5035550197

# two people with one name and birth date = two, ask
Maria|Garcia|1985-05-15|5035550200 = Maria|Garcia|1985-05-15|5035550201
Wei|Zhang|1990-01-01|5035550202 = Wei|Zhang|1990-01-01|5035550203
James|Smith|1975-07-04|5035550204 = James|Smith|1975-07-04|5035550205
Mohammed|Ali|1992-03-12|5035550206 = Mohammed|Ali|1992-03-12|5035550207

# parent and child with one name and one phone, the generation not told = two, ask
John|Fairbrook|1950-03-04|5035550140 = John|Fairbrook|1980-09-21|5035550140
Maria|Lopes|1961-02-02|5035550210 = Maria|Lopes|1989-07-14|5035550210
George|Baines Jr|1978-10-10|5035550211 = George|Baines|1949-01-05|5035550211
Ahmed|Nasser|1955-12-30|5035550212 = Ahmed|Nasser|1985-06-17|5035550212
Peter|Novak III|2005-05-05|5035550213 = Peter|Novak|1975-04-04|5035550213

# parent and child with one name and one phone, the generation told = two, other
John|Fairbrook Sr|1950-03-04|5035550140 = John|Fairbrook Jr|1980-09-21|5035550140
George|Baines Jr.|1978-10-10|5035550211 = George|Baines, Senior|1949-01-05|5035550211
Peter|Novak III|2005-05-05|5035550213 = Peter|Novak Jr|1975-04-04|5035550213
Omar|Haddad II|1960-01-02|5035550141 = Omar|Haddad 3rd|1990-01-02|5035550141
Luis|Ortega IV|2010-01-02|5035550214 = Luis|Ortega III|1982-05-02|5035550214

# two generations told, with one birth date: one of the two is wrong = one, ask
John|Fairbrook Sr|1980-09-21|5035550140 = John|Fairbrook Jr|1980-09-21|5035550140
Omar|Haddad II|1990-01-02|5035550141 = Omar|Haddad III|1990-01-02|5035550141

# a family with one phone = two, other
Paula|Renner|1982-04-18|5035550220 = Emil|Renner|2014-11-03|5035550220
Paula|Renner|1982-04-18|5035550220 = Jonas|Renner|1980-01-26|5035550220
Emil|Renner|2014-11-03|5035550220 = Ida|Renner|2017-02-08|5035550220
Paula|Renner|1982-04-18|5035550220 = Grete|Weiss|1953-06-29|5035550220
Sam|Odhiambo|1990-10-10|5035550221 = Sara|Odhiambo|1991-10-10|5035550221
Sam|Odhiambo|1990-10-10|5035550221 = Samuel|Odhiambo|1960-02-14|5035550221
Tia|Brooks|2001-08-01|5035550222 = Mia|Brooks|2003-08-01|5035550222
Ali|Rezaei|1970-03-21|5035550223 = Leila|Rezaei|1974-09-23|5035550223
Chloe|Marchetti|2006-12-06|5035550224 = Luca|Marchetti|2009-12-06|5035550224
Anil|Gupta|1965-01-26|5035550225 = Sunita|Gupta|1968-08-15|5035550225
Rosa|Jimenez|1944-05-10|5035550226 = Rosario|Jimenez|1966-10-07|5035550226
Bea|Thornton|1999-09-19|5035550227 = Bertha|Thornton|1938-02-25|5035550227

# a couple or two flatmates with one phone and one birthday = two, ask
Dana|Whitlock|1986-06-06|5035550230 = Kim|Alvarado|1986-06-06|5035550230
Erik|Strand|1993-01-17|5035550231 = Maja|Strand|1993-01-17|5035550231
Leo|Fontaine|1978-08-28|5035550232 = Ines|Cabral|1978-08-28|5035550232

# first and last name changed places = one, ask
Kim|Lee|1983-05-23|5035550240 = Lee|Kim|1983-05-23|5035550240
Minh|Tran|1979-12-02|5035550241 = Tran|Minh|1979-12-02|5035550241
James|Thomas|1966-06-16|5035550242 = Thomas|James|1966-06-16|5035550249
Nagy|Zoltán|1958-11-19|5035550243 = Zoltan|Nagy|1958-11-19|5035550243

# a middle name that stands elsewhere = one, ask
Mary Ann|Smith|1970-02-20|5035550250 = Mary/Ann|Smith|1970-02-20|5035550250
Mary/Ann|Smith|1970-02-20|5035550250 = Mary|Ann Smith|1970-02-20|5035550259
Juan|Pablo Ruiz|1984-03-19|5035550251 = Juan Pablo|Ruiz|1984-03-19|5035550251
Anne-Marie|Kling|1991-07-07|5035550252 = Anne/Marie|Kling|1991-07-07|5035550252

# a middle name given once, or two of them = one, same
Imani/Grace|Okafor|1988-02-29|5035550142 = Imani|Okafor|1988-02-29|5035550142
Imani/Grace|Okafor|1988-02-29|5035550142 = Imani/G.|Okafor|1988-02-29|5035550142
Karl/Friedrich|Adler|1940-10-03|5035550253 = Karl/F|Adler|1940-10-03|5035550253

# one of the three not known to the practice = one, ask
Hugo|Vance|1974-04-14|5035550260 = Hugo|Vance||5035550260
Ines|Duarte|1998-08-30|5035550261 = Inês|Duarte||5035550261
Rolf|Meier|1951-11-21|5035550262 = Rolf|Meier|1951-11-21|

# too little known to the practice = one, other
Hugo|Vance|1974-04-14|5035550260 = Hugo|Vance||
Hugo|Vance|1974-04-14| = Hugo|Vance||5035550260
Hugo|Vance|| = Hugo|Vance||
Rolf|Meier|1951-11-21|5035550262 = |Meier|1951-11-21|5035550269

# a typing error in a name = one, ask
Micheal|Donovan|1967-03-17|5035550270 = Michael|Donovan|1967-03-17|5035550270
Michael|Donavan|1967-03-17|5035550270 = Michael|Donovan|1967-03-17|5035550270
Heinz|Mueller|1942-12-08|5035550271 = Heinz|Müller|1942-12-08|5035550271
Jörg|Kaestner|1962-10-03|5035550272 = Joerg|Kästner|1962-10-03|5035550272
Stephen|Clark|1977-05-25|5035550273 = Steven|Clarke|1977-05-25|5035550273
Sara|Cohen|1995-09-06|5035550274 = Sarah|Cohen|1995-09-06|5035550274

# a typing error in a name, and another phone too = one, other
Micheal|Donovan|1967-03-17|5035550270 = Michael|Donovan|1967-03-17|5035550279
Sara|Cohen|1995-09-06|5035550274 = Sarah|Cohen|1995-09-06|5035550278

# namesakes = two, other
Maria|Garcia|1985-05-15|5035550200 = Maria|Garcia|1986-05-15|5035550208
James|Smith|1975-07-04|5035550204 = James|Smith|1957-12-24|5035550209
Wei|Zhang|1990-01-01|5035550202 = Wei|Zhang|1991-01-01|5035550280
David|Cohen|1971-11-30|5035550281 = David|Cohen|1999-02-01|5035550282
Linda|Johnson|1968-04-23|5035550283 = Linda|Johnson|1948-04-22|5035550284
Nguyen|Van Minh|1980-02-16|5035550285 = Nguyen|Van Minh|1983-10-06|5035550286

# one birthday = two, other
Imani|Okafor|1988-02-29|5035550142 = Teo|Okafor|1988-02-29|5035550290
Imani|Okafor|1988-02-29|5035550142 = Imani|Bello|1988-02-29|5035550291
Imani|Okafor|1988-02-29|5035550142 = Pierre|Laurent|1988-02-29|5035550292
Karin|Berg|1900-01-01|5035550293 = Ulf|Dahl|1900-01-01|5035550294

# a phone given out anew, or of a workplace = two, other
Imani|Okafor|1988-02-29|5035550142 = Pierre|Laurent|1964-09-01|5035550142
Vera|Stone|1972-07-22|5035550300 = Hal|Greene|1990-03-29|5035550300
Vera|Stone|1972-07-22|5035550300 = Vera|Greene|1990-03-29|5035550300
Nils|Aho|1981-06-13|5035550301;5035550302 = Ella|Roth|1979-02-11|5035550302

# strangers = two, other
Imani|Okafor|1988-02-29|5035550142 = Teo|Marsh|1970-05-06|5035550130
Una|Walsh|1964-08-19|+44 20 7946 0018 = Pia|Holm|1999-12-31|5035550131
李|小龙|1940-11-27|5035550120 = 李|小明|1965-01-02|5035550310
Al|Li|1985-03-03|5035550311 = Ali|L|1985-08-13|5035550312
Ann|Ali|1985-03-03|5035550311 = Anna|Li|1985-10-23|5035550313

# names that differ in letters which only look like accents = two, ask
Ole|Hansen|1990-09-01|5035550320 = Olé|Hánsen|1990-09-01|5035550321
André|Roux|1992-02-22|5035550322 = Andrè|Roux|1992-02-22|5035550322
Bảo|Lê|1994-04-14|5035550323 = Bão|Lê|1994-04-14|5035550323

# entered twice by the practice, to the letter = one, same
Ruth|Amsel|1931-01-31|5035550330 = Ruth|Amsel|1931-01-31|5035550330
Kofi|Mensah|1986-10-03|5035550331 = Kofi|Mensah|1986-10-03|5035550331;5035550332

# siblings with one phone, born a year apart to the day = two, other
Tom|Aldous|2010-03-03|5035550340 = Tim|Aldous|2011-03-03|5035550340
Eva|Aldous|2012-03-04|5035550340 = Ewa|Aldous|2012-04-03|5035550340
Jan|Peeters|2007-07-01|5035550341 = Jana|Peeters|2008-07-01|5035550341

# the phone moved to another field = one, same
Vic|Sorel|1982-05-27|5035550350 = Vic|Sorel|1982-05-27|;;5035550350
Vic|Sorel|1982-05-27|;5035550350 = Vic|Sorel|1982-05-27|5035550350
Vic|Sorel|1982-05-27|;;5035550350 = Vic|Sorel|1982-05-27|;5035550350

# several things changed at once: nobody could tell = one, other
Joan|Ellery|1952-08-03|5035550172 = Joan|Pike|1952-03-08|5035550172
Bob|Kowalski|1958-02-17|5035550160 = Robert|Kowalski|1985-02-17|5035550160
Mei|Chen|1987-01-20|5035550174 = Mei|Ross|1987-01-20|5035550360

# names of one letter, or of punctuation = two, other
-|Okafor|1988-02-29|5035550142 = Imani|Okafor|1988-02-19|5035550142
X|Y|1990-01-01|5035550370 = X|Z|1990-01-01|5035550371

# nothing to compare a name by: two others agree = one, ask
-|Okafor|1988-02-29|5035550142 = Imani|Okafor|1988-02-29|5035550142
?|?|1988-02-29|5035550142 = ?|?|1988-02-29|5035550142
Baby|Renner|2020-05-05|5035550220 = Nora|Renner|2020-05-05|5035550220
`

function readGroup(block: string): Group {
  const [head = '', ...lines] = block.trim().split('\n')
  const [title = '', said = ''] = head.split(' = ')
  const [truth, decision] = said.split(', ') as [Group['truth'], Likeness]
  const pairs = lines.map((line) => line.split(' = ') as [string, string])
  return { title, truth, decision, pairs }
}

/** The table, group by group. */
export const groups: Group[] = table
  .trim()
  .split('\n\n')
  .map((block) => readGroup(block.slice(2)))
